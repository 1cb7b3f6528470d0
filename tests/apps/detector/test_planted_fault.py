"""A slowed service, seen through a real Prometheus: the alert opens, the metric is pushed, both end with the fault."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from apps.detector import zscore
from apps.detector.run import run
from apps.detector.settings import DetectorSettings
from apps.detector.signals import LATENCY, as_setting
from apps.platform import http
from apps.platform.settings import HttpSettings, load
from devtools.ports import free_port
from tests.support import monitoring
from tests.support.postgres import TestDatabase


@asynccontextmanager
async def busy_service(fault: SimpleNamespace) -> AsyncIterator[str]:
    """A service of the platform with a client that asks all the time; each answer takes `fault.seconds`."""

    async def answer(_: Request) -> PlainTextResponse:
        await asyncio.sleep(fault.seconds)
        return PlainTextResponse("here")

    async def ready() -> None:
        return None

    port, stopping = free_port(), asyncio.Event()
    app = http.application([Route("/work", answer)], ready)
    server = asyncio.create_task(http.serve(app, load(HttpSettings, {"HTTP_PORT": str(port)}), stopping))
    client = asyncio.create_task(ask(f"http://127.0.0.1:{port}/work"))
    yield f"127.0.0.1:{port}"
    client.cancel()
    stopping.set()
    await server


async def ask(url: str) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.1)  # it is still starting
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], Awaitable[bool]], step: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(90):
        while True:
            await step()
            if await condition():
                return
            await asyncio.sleep(0.5)


@pytest.mark.slow
async def test_a_slowed_service_is_alerted_and_resolved(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same rule by a faster clock: a scrape a second instead of every 15 s.
    for name, value in {"WINDOW_SECONDS": 40, "RECENT_SECONDS": 6, "STEP_SECONDS": 1}.items():
        monkeypatch.setattr(zscore, name, value)
    fault = SimpleNamespace(seconds=0.0)
    signal = LATENCY.model_copy(update={"query": LATENCY.query.replace("[1m]", "[4s]"), "floor": 0.1})
    async with busy_service(fault) as address:
        with (
            monitoring.prometheus(tmp_path, {"api": address}) as prometheus,
            monitoring.pushgateway(tmp_path) as gateway,
        ):
            environment = database.environment("detector") | {"PROMETHEUS_URL": prometheus, "PUSHGATEWAY_URL": gateway}
            settings = load(DetectorSettings, environment | {"SIGNALS": as_setting((signal,))})

            async def scan() -> None:
                assert await run(settings, asyncio.Event()) == 0

            async def judged() -> bool:
                # Only then is there something that the fault differs from.
                return await asyncio.to_thread(pushed, gateway) == {"api/latency": 0}

            async def alerting() -> bool:
                return await states(database) == ["open"] and await asyncio.to_thread(pushed, gateway) == {
                    "api/latency": 1
                }

            async def over() -> bool:
                return await states(database) == ["resolved"] and await asyncio.to_thread(pushed, gateway) == {
                    "api/latency": 0
                }

            await until(judged, scan)
            assert await states(database) == []
            fault.seconds = 1.0
            await until(alerting, scan)
            fault.seconds = 0.0
            await until(over, scan)


async def states(database: TestDatabase) -> list[str]:
    connection = await database.connect()
    rows = await connection.fetch("SELECT state FROM alerts WHERE rule = 'zscore'")
    await connection.close()
    return [row["state"] for row in rows]


def pushed(gateway: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{gateway}/api/v1/metrics") as answer:
        (group,) = json.load(answer)["data"]
    samples = group["predictive_alert"]["metrics"] if "predictive_alert" in group else []
    return {sample["labels"]["signal"]: float(sample["value"]) for sample in samples}
