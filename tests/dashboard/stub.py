"""An API that says what a test tells it to: the counterpart of the dashboard where the platform is not the point."""

import asyncio
import contextlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TOKEN = "the-operator"
EVIDENCE = ("score", "window_start", "window_end", "expected", "observed", "model", "model_version")
UNSET = (*EVIDENCE, "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by")


class StubApi:
    """Devices, readings and alerts in memory; `http` and `sockets` switch each way in on and off."""

    def __init__(self) -> None:
        self.clients: dict[WebSocket, set[str] | None] = {}
        self.forget()
        self.app = Starlette(
            routes=[
                Route("/api/devices", self.list_devices),
                Route("/api/devices/{device_id}", self.show_device),
                Route("/api/readings/latest", self.latest_readings),
                Route("/api/readings/trend", self.trend),
                Route("/api/alerts", self.list_alerts),
                Route("/api/alerts/{alert_id}/{verb}", self.act, methods=["POST"]),
                WebSocketRoute("/api/live", self.live),
            ],
        )

    def forget(self) -> None:
        """Know nothing, refuse nothing."""
        self.devices: dict[str, dict[str, Any]] = {}
        self.latest: dict[tuple[str, str], dict[str, Any]] = {}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.http = True
        self.sockets = True

    def add_device(self, device_id: str, kind: str, name: str | None = None) -> None:
        """Register a device."""
        now = stamp()
        self.devices[device_id] = {
            "device_id": device_id,
            "kind": kind,
            "name": name,
            "labels": [],
            "attributes": {},
            "created_at": now,
            "updated_at": now,
            "last_seen_at": now,
            "active": True,
        }

    def set_alert(self, alert_id: str, **fields: Any) -> None:
        """Open or change an alert."""
        now = stamp()
        blank = dict.fromkeys(UNSET)
        known = {"source": "api/latency", "rule": "zscore", "severity": "warning", "state": "open", "message": alert_id}
        before = self.alerts.get(alert_id, {**blank, **known, "opened_at": now, "alert_id": alert_id})
        self.alerts[alert_id] = {**before, "updated_at": now, **fields}

    async def read(self, device_id: str, metric: str, value: float, ago: float = 0) -> None:
        """Store a reading that was measured `ago` seconds before now, and tell whoever follows the device."""
        ts = stamp(-ago)
        item = {"device_id": device_id, "metric": metric, "ts": ts, "value": value, "received_at": ts, "stored_at": ts}
        self.latest[device_id, metric] = item
        await self.tell({"type": "readings", "readings": [item], "dropped": 0}, device_id)

    async def tell(self, message: dict[str, Any], device_id: str | None = None) -> None:
        """Send a message to every client that wants it."""
        for client, wanted in list(self.clients.items()):
            if device_id is None or wanted is None or device_id in wanted:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await client.send_json(message)

    async def cut(self) -> None:
        """Close every socket that is open."""
        for client in list(self.clients):
            with contextlib.suppress(RuntimeError):
                await client.close(1012)

    async def list_devices(self, request: Request) -> Response:
        """GET /api/devices."""
        if not self.http:
            return problem(503, "the database cannot be reached")
        wanted, limit = request.query_params, int(request.query_params.get("limit", 100))
        found = [
            device
            for device in sorted(self.devices.values(), key=lambda device: device["device_id"])
            if wanted.get("kind", device["kind"]) == device["kind"]
            and wanted.get("q", "").lower() in f"{device['device_id']} {device['name']}".lower()
        ]
        return page(found[:limit], more=len(found) > limit)

    async def show_device(self, request: Request) -> Response:
        """GET /api/devices/{device_id}."""
        device = self.devices.get(request.path_params["device_id"])
        return JSONResponse(device) if device else problem(404, "there is no such device")

    async def latest_readings(self, request: Request) -> Response:
        """GET /api/readings/latest."""
        if not self.http:
            return problem(503, "the database cannot be reached")
        wanted = request.query_params.get("device_id")
        return page([item for (device_id, _), item in self.latest.items() if wanted in (None, device_id)])

    async def trend(self, request: Request) -> Response:
        """GET /api/readings/trend: a day's curve that ends near the newest value."""
        if not self.http:
            return problem(503, "the database cannot be reached")
        query = request.query_params
        device_id, metric, points = query["device_id"], query["metric"], int(query.get("points", 288))
        until = datetime.now(UTC)
        since = datetime.fromisoformat(query["since"])
        seconds = max(int((until - since).total_seconds() / points), 1)
        newest = self.latest.get((device_id, metric))
        items = []
        for index in range(points if newest else 0):
            at = since + timedelta(seconds=seconds * index)
            value = curve(device_id, metric, at.timestamp())
            width = abs(value) * (0.05 + 0.03 * math.sin(index / 7))
            items.append(
                {"ts": iso(at), "avg": value, "min": value - width, "max": value + width, "count": max(seconds // 2, 1)}
            )
        return JSONResponse(
            {
                "device_id": device_id,
                "metric": metric,
                "since": iso(since),
                "until": iso(until),
                "bucket_seconds": seconds,
                "points": items,
            }
        )

    async def list_alerts(self, request: Request) -> Response:
        """GET /api/alerts."""
        if not self.http:
            return problem(503, "the database cannot be reached")
        state = request.query_params.get("state")
        return page([alert for alert in self.alerts.values() if state in (None, alert["state"])])

    async def act(self, request: Request) -> Response:
        """POST /api/alerts/{alert_id}/acknowledge or /resolve."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "this operation needs the operator's bearer token")
        state = {"acknowledge": "acknowledged", "resolve": "resolved"}[request.path_params["verb"]]
        alert_id, said = request.path_params["alert_id"], await request.json()
        self.set_alert(alert_id, state=state, **{f"{state}_by": said["actor"], f"{state}_at": stamp()})
        await self.tell({"type": "alerts", "alerts": [self.alerts[alert_id]]})
        return JSONResponse(self.alerts[alert_id])

    async def live(self, client: WebSocket) -> None:
        """WS /api/live."""
        if not self.sockets:
            await client.close(1013)
            return
        await client.accept()
        pinging = asyncio.create_task(ping(client))
        try:
            while True:
                message = await client.receive_json()
                if message["type"] != "subscribe":
                    continue
                wanted = message["device_ids"]
                self.clients[client] = None if wanted is None else set(wanted)
                readings = [item for item in self.latest.values() if wanted is None or item["device_id"] in wanted]
                active = [alert for alert in self.alerts.values() if alert["state"] != "resolved"]
                await client.send_json({"type": "snapshot", "readings": readings, "alerts": active})
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            pinging.cancel()
            self.clients.pop(client, None)


def curve(device_id: str, metric: str, at: float) -> float:
    """A daily cycle with a little noise, of its own for each device."""
    own = sum(device_id.encode()) % 17
    base, swing = {"temperature": (21, 4), "humidity": (48, 12), "vibration": (2.4, 0.8)}.get(metric, (420, 120))
    daily = math.sin(2 * math.pi * at / 86_400 + own)
    return base + own / 9 + swing * (0.8 * daily + 0.12 * math.sin(at / 2900 + own) + 0.05 * math.sin(at / 61))


async def ping(client: WebSocket) -> None:
    """Say something every 10 s."""
    while True:
        await asyncio.sleep(10)
        await client.send_json({"type": "ping", "at": stamp()})


def page(items: list[dict[str, Any]], *, more: bool = False) -> Response:
    """A page of a list."""
    return JSONResponse({"items": items, "next_cursor": "more" if more else None})


def problem(status: int, detail: str) -> Response:
    """An error."""
    return JSONResponse(
        {"type": "about:blank", "title": "Error", "status": status, "detail": detail},
        status,
        media_type="application/problem+json",
    )


def stamp(after: float = 0) -> str:
    """The time `after` seconds from now."""
    return iso(datetime.now(UTC) + timedelta(seconds=after))


def iso(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")
