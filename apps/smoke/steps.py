"""The steps of the smoke test: a reading must be seen live and in the API within `LIMIT_SECONDS`."""

import asyncio
import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from apps.smoke.errors import SmokeError

DEVICE = {"device_id": "smoke-test", "kind": "smoke-test", "name": "Smoke test of deployments"}
METRIC = "smoke_test"
LIMIT_SECONDS = 10
"""From the answer to the device until the reading is seen."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the dashboard, the API and the gateway answer, and a key that may register a device and read.

    No gateway: readings go where the URLs lead that the API signs.
    """

    dashboard: str
    api: str
    gateway: str | None
    key: str


class SmokeTest:
    """The steps, each told by `say` with the seconds that it took."""

    def __init__(self, endpoints: Endpoints, value: float, say: Callable[[str], None] = print) -> None:
        self._endpoints = endpoints
        self._headers = {"Authorization": f"Bearer {endpoints.key}"}
        self._value = value
        self._say = say

    async def run(self) -> None:
        """Do every step. Raises SmokeError, which says which one failed and what was found instead."""
        async with httpx.AsyncClient(timeout=LIMIT_SECONDS) as http:
            async with self._step("the dashboard is served"):
                # A login answers with a way to it, or refuses.
                self._expect(await http.get(_root(self._endpoints.dashboard)), 200, 302, 401)
            async with self._step("the API registers a device"):
                await self._api(http, "POST", "/devices", DEVICE, 201, 409)
            async with self._step("the API signs an upload URL"):
                url = await self._api(http, "POST", f"/devices/{DEVICE['device_id']}/upload-url", {}, 200)
            async with connect(self._live, additional_headers=self._headers, open_timeout=LIMIT_SECONDS) as live:
                async with self._step("the API streams"):
                    await live.send(json.dumps({"type": "subscribe", "device_ids": [DEVICE["device_id"]]}))
                    await self._next(live, "snapshot")
                async with self._step("the gateway takes a reading"):
                    reading = {"metric": METRIC, "ts": datetime.now(UTC).isoformat(), "value": self._value}
                    self._expect(await http.put(self._upload_url(url["url"]), json=[reading]), 202)
                async with self._step("the reading is seen live"):
                    await self._until_seen(live)
            async with self._step("the reading is in the API"):
                latest = await self._api(http, "GET", f"/readings/latest?device_id={DEVICE['device_id']}", None, 200)
                if not self._is_in(latest["items"]):
                    raise SmokeError(f"{self._value} is not among the newest readings: {latest['items']}")

    @asynccontextmanager
    async def _step(self, what: str) -> AsyncIterator[None]:
        began = time.monotonic()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield
        except TimeoutError:
            raise SmokeError(f"{what}: not within {LIMIT_SECONDS} s") from None
        except (httpx.HTTPError, OSError, WebSocketException) as error:
            raise SmokeError(f"{what}: {type(error).__name__}: {error}") from None
        except SmokeError as error:
            raise SmokeError(f"{what}: {error}") from None
        self._say(f"{time.monotonic() - began:5.2f} s  {what}")

    async def _api(self, http: httpx.AsyncClient, method: str, path: str, body: object, *wanted: int) -> Any:
        answer = await http.request(method, f"{_root(self._endpoints.api)}api{path}", json=body, headers=self._headers)
        self._expect(answer, *wanted)
        return answer.json()

    def _expect(self, answer: httpx.Response, *wanted: int) -> None:
        if answer.status_code not in wanted:
            reason = HTTPStatus(answer.status_code).phrase
            raise SmokeError(f"{answer.status_code} {reason} instead of {wanted[0]}: {answer.text[:300]}")

    @property
    def _live(self) -> str:
        return _root(self._endpoints.api).replace("http", "ws", 1) + "api/live"

    def _upload_url(self, signed: str) -> str:
        """Return a signed URL as it leads to the gateway that is tried: its host is not signed."""
        if self._endpoints.gateway is None:
            return signed
        url = urlsplit(signed)
        return f"{_root(self._endpoints.gateway)}{url.path.lstrip('/')}?{url.query}"

    async def _next(self, live: AsyncIterable[str | bytes], kind: str) -> dict[str, Any]:
        async for message in live:
            document: dict[str, Any] = json.loads(message)
            if document["type"] == kind:
                return document
        raise SmokeError(f"the connection ended before a {kind} came")

    async def _until_seen(self, live: AsyncIterable[str | bytes]) -> None:
        while not self._is_in((await self._next(live, "readings"))["readings"]):
            pass

    def _is_in(self, readings: list[dict[str, Any]]) -> bool:
        return any((reading["metric"], reading["value"]) == (METRIC, self._value) for reading in readings)


def _root(base: str) -> str:
    return base.rstrip("/") + "/"
