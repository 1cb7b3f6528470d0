"""A slowed API is noticed, told to people and shown, and all of that ends when it does: every part is the real one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from apps.observability.alerts import GROUPS
from apps.observability.notifications import alertmanager
from apps.observability.routing import Notifications
from apps.observability.rules import rule_file
from local.infrastructure.webhook import receive_messages
from local.routing import provide_secrets
from tests.platform.running import RunningPlatform, running_platform
from tests.support import monitoring
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

SOURCE = "api/latency"


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_slowed_api_is_noticed_told_and_shown_until_it_is_quick_again(
    database: TestDatabase, ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    logged: list[str] = []
    async with watched_platform(database, ministack, stream, tmp_path, logged.append) as running:
        owner = await database.connect()

        async def row() -> str | None:
            query = "SELECT state FROM alerts WHERE source = $1 ORDER BY opened_at DESC LIMIT 1"
            state: str | None = await owner.fetchval(query, SOURCE)
            return state

        async def shown() -> list[str]:
            async with httpx.AsyncClient() as http:
                answer = await http.get(f"{running.env.url('api')}/api/alerts?state=open")
            return [alert["source"] for alert in answer.json()["items"]]

        async def metric() -> float:
            async with httpx.AsyncClient() as http:
                query = {"query": f'predictive_alert{{signal="{SOURCE}"}}'}
                answer = await http.get(f"{running.env.url('prometheus')}/api/v1/query", params=query)
            return max((float(series["value"][1]) for series in answer.json()["data"]["result"]), default=-1)

        async def state() -> tuple[object, ...]:
            messages = [line for line in logged if line.endswith("PredictiveAlert")]
            return await row(), await shown(), await metric(), messages

        fired, over = "[CRITICAL: 1] PredictiveAlert", "[RESOLVED] PredictiveAlert"
        async with asking(running):
            await until(state, (None, [], 0, []))
            async with slowed(database):
                await until(state, ("open", [SOURCE], 1, [fired]))
            await until(state, ("resolved", [], 0, [fired, over]))
        await owner.close()


@asynccontextmanager
async def watched_platform(
    database: TestDatabase, ministack: KinesisServer, stream: str, folder: Path, say: Callable[[str], None]
) -> AsyncIterator[RunningPlatform]:
    """Run the services with Prometheus, Alertmanager, the Pushgateway, and the detector again and again."""
    monitoring.remember_a_quiet_quarter_of_an_hour(folder)
    rules = rule_file(GROUPS, "https://example.org")
    for group in rules["groups"]:
        group["interval"] = "1s"
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    with ExitStack() as stack:
        running = stack.enter_context(running_platform(database, ministack, stream, folder))
        ports = running.env.ports
        provide_secrets(running.env, own=True)
        routing = Notifications(wait_seconds=1, interval_seconds=1)
        quick = alertmanager(routing, str(running.env.receivers), running.env.url("notifier"))
        stack.enter_context(monitoring.pushgateway(folder, ports["pushgateway"]))
        stack.enter_context(monitoring.alertmanager(folder, quick, ports["alertmanager"]))
        configuration = running.scrape_configuration()
        stack.enter_context(monitoring.configured_prometheus(folder, configuration, ports["prometheus"]))
        stopping = asyncio.Event()

        async def detect() -> None:
            while not stopping.is_set():
                code = await asyncio.to_thread(running.run_detector)
                assert code == 0, running.log("detector")[-2000:]

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(receive_messages(ports["webhook"], say, stopping))
            tasks.create_task(detect())
            try:
                yield running
            finally:
                stopping.set()


@asynccontextmanager
async def asking(running: RunningPlatform) -> AsyncIterator[None]:
    """Ask the API all the time, as four readers do."""
    async with httpx.AsyncClient(base_url=running.env.url("api"), timeout=30) as http:

        async def read() -> None:
            while True:
                await http.get("/api/devices")
                await asyncio.sleep(0.1)

        readers = [asyncio.create_task(read()) for _ in range(4)]
        try:
            yield
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)


@asynccontextmanager
async def slowed(database: TestDatabase) -> AsyncIterator[None]:
    """Lock the devices for most of the time, as a migration on a bad day does."""
    connection = await database.connect()

    async def lock() -> None:
        while True:
            async with connection.transaction():
                await connection.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")
                await asyncio.sleep(0.7)
            await asyncio.sleep(0.05)

    locking = asyncio.create_task(lock())
    try:
        yield
    finally:
        locking.cancel()
        await asyncio.gather(locking, return_exceptions=True)
        await connection.close()


async def until(state: Callable[[], Awaitable[object]], wanted: object, seconds: float = 240) -> None:
    """Wait until the state is the wanted one. Raises AssertionError with the last one."""
    deadline = time.monotonic() + seconds
    while (found := await state()) != wanted:
        assert time.monotonic() < deadline, (found, wanted)
        await asyncio.sleep(0.5)
