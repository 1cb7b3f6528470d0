"""An API that says what a test tells it to: the counterpart of the dashboard where the platform is not the point."""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.dashboard import made_up
from tests.dashboard.made_up import CREDENTIAL, DONE, SEVERITIES, UNSET, by_trouble, counts, described, is_asked_for
from tests.dashboard.reports import report_routes

TOKEN = "the-operator"
WHO = "Ana (key 0123456789ab)"
"""Who does what is done with it."""


class StubApi:
    """Devices, readings and alerts in memory; `http` and `sockets` switch each way in on and off."""

    def __init__(self) -> None:
        self.clients: dict[WebSocket, set[str] | None] = {}
        self.connected = asyncio.Event()
        """Set while somebody is connected."""
        self.forget()
        self.app = Starlette(
            routes=[
                Route("/api/fleet", self.fleet),
                Route("/api/devices", self.create_device, methods=["POST"]),
                Route("/api/devices/{device_id}", self.change_device, methods=["PATCH"]),
                Route("/api/devices/{device_id}/upload-url", self.upload_url, methods=["POST"]),
                Route("/api/rules", self.rules_as_data, methods=["GET", "POST"]),
                Route("/api/rules/dry-run", self.dry_run, methods=["POST"]),
                Route("/api/readings", self.list_readings),
                Route("/api/readings/trend", self.trend),
                Route("/api/rejected", self.list_rejected),
                *report_routes(self),
                Route("/api/session", self.show_session),
                Route("/api/session/view", self.open_link, methods=["POST"]),
                Route("/api/devices/{device_id}/detection", self.detection),
                Route("/api/alerts", self.list_alerts),
                Route("/api/alerts/{alert_id}", self.show_alert),
                Route("/api/alerts/{verb}", self.act, methods=["POST"]),
                Route("/api/alerts/{alert_id}/comment", self.comment, methods=["POST"]),
                WebSocketRoute("/api/live", self.live),
            ],
        )

    def forget(self) -> None:
        """Know nothing, refuse nothing."""
        self.devices: dict[str, dict[str, Any]] = {}
        self.latest: dict[tuple[str, str], dict[str, Any]] = {}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.requested_paths: list[str] = []
        self.rules: list[dict[str, Any]] = []
        self.links: dict[str, dict[str, Any]] = {}
        """What each viewing link shows, by its secret."""
        self.closed = False
        """Whether nobody looks without a viewing link."""
        self.watched: list[dict[str, Any]] = []
        self.http = True
        self.sockets = True

    def add_device(
        self, device_id: str, kind: str, name: str | None = None, labels: Sequence[str] = (), **attributes: Any
    ) -> None:
        """Register a device."""
        now = stamp()
        self.devices[device_id] = {
            "device_id": device_id,
            "kind": kind,
            "name": name,
            "labels": list(labels),
            "attributes": attributes,
            "created_at": now,
            "updated_at": now,
            "last_seen_at": now,
            "active": True,
        }

    def set_alert(self, alert_id: str, **fields: Any) -> None:
        """Open or change an alert."""
        now = stamp()
        blank: dict[str, Any] = dict.fromkeys(UNSET) | {"labels": []}
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

    async def stop_answering(self) -> None:
        """Lose whoever is connected, once somebody is, and answer nothing from now on."""
        # A socket that opens meanwhile would stay: what it says is live for as long as a silence is allowed to last.
        await self.connected.wait()
        self.sockets = self.http = False
        await self.cut()

    def may_look(self, request: HTTPConnection) -> bool:
        """Whether who asks is let in."""
        return not self.closed or request.cookies.get("view", "") in self.links

    async def open_link(self, request: Request) -> Response:
        """POST /api/session/view."""
        secret = request.headers["authorization"].removeprefix("Bearer ")
        if not self.http or secret not in self.links:
            return problem(401 if self.http else 503, "ask for a new link")
        response = JSONResponse(self.links[secret])
        response.set_cookie("view", secret, httponly=True, samesite="strict")
        return response

    async def show_session(self, request: Request) -> Response:
        """GET /api/session."""
        known = unless_operator(request) is None
        screen = self.links.get(request.cookies.get("view", ""))
        scopes = ["alerts:read", "devices:read", "readings:read", "rules:read"] if self.may_look(request) else []
        who = {"name": WHO if known else screen and screen["name"], "role": None, "scopes": scopes, "labels": None}
        return JSONResponse(who | {"sign_in": None, "can_sign_out": False, "screen": screen})

    async def detection(self, _: Request) -> Response:
        """GET /api/devices/{device_id}/detection."""
        return JSONResponse(self.watched)

    async def fleet(self, request: Request) -> Response:
        """GET /api/fleet: what is wrong first, by id; the words of `q` anywhere."""
        self.requested_paths.append(str(request.url.path))
        if not self.may_look(request):
            return problem(401, "this needs readings:read: sign in, or send Authorization: Bearer KEY")
        if not self.http:
            return problem(503, "the database cannot be reached")
        query = request.query_params
        found = by_trouble([self.glance(member) for member in self.devices], self.alerts.values())
        wanted = [
            device
            for device in found
            if all(word in described(device) for word in query.get("q", "").lower().split())
            and query.get("kind", device["kind"]) == device["kind"]
            and query.get("label", "") in ["", *device["labels"]]
            and ("ids" not in query or device["device_id"] in query["ids"].split(","))
            and query.get("state", device["state"]) in (device["state"], device["open_alerts"] and "alerting")
            and (query.get("located") != "true" or "latitude" in device["attributes"])
        ]
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 100))
        more = start + limit < len(wanted)
        return JSONResponse(
            {
                "at": stamp(),
                "items": wanted[start : start + limit],
                "next_cursor": str(start + limit) if more else None,
                "counts": None if start else counts(found, wanted),
            }
        )

    def glance(self, device_id: str) -> dict[str, Any]:
        """A device with what is known of it."""
        device = self.devices[device_id]
        latest = {metric: item for (id_, metric), item in self.latest.items() if id_ == device_id}
        seen = max((item["ts"] for item in latest.values()), default=None)
        about = [
            alert
            for alert in self.alerts.values()
            if alert["source"].split("/")[0] == device_id and alert["state"] != "resolved"
        ]
        age = 0.0 if seen is None else (made_up.now() - datetime.fromisoformat(seen)).total_seconds()
        silent = age > device["attributes"].get("silent_after_seconds", 900)
        readings = [
            {name: item[name] for name in ("metric", "ts", "value", "received_at")} | {"spark": made_up.minutes(item)}
            for _, item in sorted(latest.items(), key=lambda pair: (pair[0] != device["kind"], pair[0]))
        ]
        return device | {
            "last_seen_at": seen,
            "active": seen is not None and age <= 900,
            "state": "new" if seen is None else "silent" if silent else "live",
            "open_alerts": len(about),
            "worst": max((alert["severity"] for alert in about), key=SEVERITIES.index, default=None),
            "readings": readings,
        }

    async def create_device(self, request: Request) -> Response:
        """POST /api/devices."""
        if refused := unless_operator(request):
            return refused
        spec = await request.json()
        self.add_device(spec["device_id"], spec["kind"], spec["name"], spec["labels"], **spec["attributes"])
        return JSONResponse(self.devices[spec["device_id"]] | {"credential": CREDENTIAL}, 201)

    async def change_device(self, request: Request) -> Response:
        """PATCH /api/devices/{device_id}."""
        if refused := unless_operator(request):
            return refused
        device = self.devices[request.path_params["device_id"]]
        device.update(await request.json(), updated_at=stamp())
        return JSONResponse(device)

    async def upload_url(self, request: Request) -> Response:
        """POST /api/devices/{device_id}/upload-url."""
        if refused := unless_operator(request):
            return refused
        url = f"http://127.0.0.1/ingest/{request.path_params['device_id']}?signature=s3cret"
        return JSONResponse(
            {"url": url, "method": "PUT", "expires_at": stamp(86_400), "readings_since": stamp(-86_400 * 30)}
        )

    async def rules_as_data(self, request: Request) -> Response:
        """GET and POST /api/rules."""
        if request.method == "GET":
            return page(self.rules)
        if refused := unless_operator(request):
            return refused
        self.rules.append(await request.json() | {"version": 1, "changed_at": stamp(), "changed_by": "Ana"})
        return JSONResponse(self.rules[-1], 201)

    async def dry_run(self, request: Request) -> Response:
        """POST /api/rules/dry-run: it would have fired once."""
        fired = {"device_id": "boiler", "metric": "temperature", "since": stamp(-7200), "opened_at": stamp(-7100)}
        found = [fired | {"resolved_at": stamp(-3600), "value": 31.5}]
        judged = {"since": stamp(-604_800), "until": stamp(), "summary": "", "subjects": 1, "readings": 9}
        return JSONResponse(judged | {"alerts": 1, "complete": True, "firings": found})

    async def list_readings(self, request: Request) -> Response:
        """GET /api/readings: the newest of each series."""
        query = request.query_params
        found = [
            item
            for (device_id, metric), item in self.latest.items()
            if device_id == query["device_id"] and query.get("metric", metric) == metric
        ]
        return page([{name: item[name] for name in item if name != "stored_at"} for item in found])

    async def list_rejected(self, request: Request) -> Response:
        """GET /api/rejected."""
        if refused := unless_operator(request):
            return refused
        record = {"rejected_id": 1, "device_id": request.query_params["device_id"], "reason": "ts is in the future"}
        where = {"payload": '{"value": 1}', "position": 0, "shard_id": "s", "sequence_number": "1"}
        return page([record | where | {"rejected_at": stamp(-60)}])

    async def trend(self, request: Request) -> Response:
        """GET /api/readings/trend: a day's curve that ends near the newest value."""
        if not self.http:
            return problem(503, "the database cannot be reached")
        query = request.query_params
        device_id, metric, points = query["device_id"], query["metric"], int(query.get("points", 288))
        until = min(datetime.fromisoformat(query.get("until", stamp())), made_up.now())
        since = datetime.fromisoformat(query["since"])
        seconds = max(int((until - since).total_seconds() / points), 1)
        newest = self.latest.get((device_id, metric))
        items = []
        for index in range(points if newest else 0):
            at = since + timedelta(seconds=seconds * index)
            value = made_up.curve(device_id, metric, at.timestamp())
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
        query = request.query_params
        found = [alert for alert in self.alerts.values() if is_asked_for(alert, query)]
        return page(sorted(found, key=lambda alert: alert["opened_at"], reverse=True))

    async def show_alert(self, request: Request) -> Response:
        """GET /api/alerts/{alert_id}."""
        alert = self.alerts.get(request.path_params["alert_id"])
        if alert is None:
            return problem(404, "there is no such alert")
        return JSONResponse(alert | {"events": self.events.get(alert["alert_id"], [])})

    async def act(self, request: Request) -> Response:
        """POST /api/alerts/acknowledge, /resolve, /snooze or /unsnooze."""
        if refused := unless_operator(request):
            return refused
        body, action = await request.json(), DONE[request.path_params["verb"]]
        reached = {} if "snooze" in action else {"state": action, f"{action}_by": WHO, f"{action}_at": stamp()}
        for alert_id in body["alert_ids"]:
            self.set_alert(alert_id, snoozed_until=body.get("until"), **reached)
            self.tell_event(alert_id, action, body)
            await self.tell({"type": "alerts", "alerts": [self.alerts[alert_id]]})
        return JSONResponse({"changed": body["alert_ids"], "unchanged": [], "refused": []})

    async def comment(self, request: Request) -> Response:
        """POST /api/alerts/{alert_id}/comment."""
        if refused := unless_operator(request):
            return refused
        alert_id = request.path_params["alert_id"]
        self.tell_event(alert_id, "commented", await request.json())
        return JSONResponse(self.alerts[alert_id] | {"events": self.events[alert_id]})

    def tell_event(self, alert_id: str, action: str, body: dict[str, Any]) -> None:
        """Add to what was done to an alert."""
        event = {"at": stamp(), "actor": body.get("actor", WHO), "action": action, "comment": body["comment"]}
        self.events.setdefault(alert_id, []).append(event | {"happened_at": None, "snoozed_until": body.get("until")})

    async def live(self, client: WebSocket) -> None:
        """WS /api/live."""
        if not self.sockets or not self.may_look(client):
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
                self.connected.set()
                readings = [item for item in self.latest.values() if wanted is None or item["device_id"] in wanted]
                active = [alert for alert in self.alerts.values() if alert["state"] != "resolved"]
                await client.send_json({"type": "snapshot", "readings": readings, "alerts": active})
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            pinging.cancel()
            self.clients.pop(client, None)
            if not self.clients:
                self.connected.clear()


def unless_operator(request: Request) -> Response | None:
    """Refuse who is not the operator."""
    if request.headers.get("authorization") == f"Bearer {TOKEN}":
        return None
    return problem(401, "this operation needs the operator's bearer token")


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
    return iso(made_up.now() + timedelta(seconds=after))


def iso(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")
