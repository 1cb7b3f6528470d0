"""The part of the API that devices need, over a registry in memory."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.domain.signing import SigningKeys, presign
from apps.domain.time_bounds import retention_start
from apps.platform.http import application

TOKEN = "operator"
KEYS = json.dumps({"current": "k1", "keys": {"k1": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="}})


class Registry:
    """Registers devices and hands out upload URLs to the gateway at `gateway`."""

    def __init__(
        self, gateway: str = "http://127.0.0.1:1", now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.gateway = gateway
        self.now = now
        self.keys = SigningKeys.parse(KEYS.encode())
        self.devices: dict[str, str] = {}
        """Each with its credential."""
        self.attributes: dict[str, dict[str, Any]] = {}
        self.urls = 0

    def application(self) -> Starlette:
        async def ready() -> str | None:
            return None

        return application(
            [
                Route("/api/devices", self._register, methods=["POST"]),
                Route("/api/devices/{device_id}", self._show, methods=["GET", "PATCH"]),
                Route("/api/devices/{device_id}/credentials", self._renew, methods=["POST"]),
                Route("/api/device/upload-url", self._upload_url, methods=["POST"]),
            ],
            ready,
        )

    async def _register(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        spec = await request.json()
        device_id = spec["device_id"]
        if device_id in self.devices:
            return JSONResponse({}, 409)
        self.attributes[device_id] = spec["attributes"]
        return JSONResponse({"credential": {"credential": self._issue(device_id)}}, 201)

    async def _show(self, request: Request) -> Response:
        device_id = request.path_params["device_id"]
        if request.method == "PATCH":
            self.attributes[device_id] = (await request.json())["attributes"]
        return JSONResponse({"attributes": self.attributes[device_id]})

    async def _renew(self, request: Request) -> Response:
        return JSONResponse({"credential": self._issue(request.path_params["device_id"])}, 201)

    def _issue(self, device_id: str) -> str:
        self.devices[device_id] = f"sad_{device_id}_{uuid.uuid4().hex}"
        return self.devices[device_id]

    async def _upload_url(self, request: Request) -> Response:
        holders = {f"Bearer {credential}": device_id for device_id, credential in self.devices.items()}
        device_id = holders.get(request.headers["authorization"])
        if device_id is None:
            return Response(status_code=401)
        self.urls += 1
        expires = self.now() + timedelta(seconds=(await request.json())["expires_in"])
        path = presign(self.keys, device_id, expires)
        times = {"expires_at": expires.isoformat(), "readings_since": retention_start(self.now(), 3).isoformat()}
        return JSONResponse({"url": self.gateway + path, "method": "PUT", **times})
