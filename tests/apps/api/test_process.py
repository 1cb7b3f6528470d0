"""The API as a process: its start, its end, and what WebSocket clients that never read cost it."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
import websockets

from apps.api.settings import ApiSettings
from apps.platform.settings import load
from devtools.ports import free_port
from tests.apps.api.conftest import RunningApi, until
from tests.apps.api.test_live import stalled_client
from tests.support.api import TOKEN, secrets
from tests.support.postgres import TestDatabase

MIB = 1024 * 1024


@asynccontextmanager
async def api_process(
    database: TestDatabase, folder: Path, checkout: Path | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, RunningApi]]:
    """Run `python -m apps.api`; `checkout`: where another release's code lies."""
    port = free_port()
    environment = database.environment("api") | secrets(folder) | {"HTTP_PORT": str(port), "LOG_LEVEL": "WARNING"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "apps.api", env=environment, cwd=checkout)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http:

            async def ready() -> bool:
                try:
                    return (await http.get("/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(ready, seconds=60)
            yield process, RunningApi(url, load(ApiSettings, environment), http, http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_what_is_missing_or_wrong_is_said_before_anything_starts(database: TestDatabase, tmp_path: Path) -> None:
    environment = database.environment("api") | secrets(tmp_path) | {"HTTP_PORT": "http"}
    del environment["OPERATOR_TOKEN_FILE"]
    done = subprocess.run([sys.executable, "-m", "apps.api"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "OPERATOR_TOKEN_FILE is not set" in done.stderr
    assert "HTTP_PORT='http'" in done.stderr
    environment = database.environment("api") | secrets(tmp_path, token="short")
    done = subprocess.run([sys.executable, "-m", "apps.api"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "at least 16" in done.stderr
    assert "Traceback" not in done.stderr


async def test_told_to_stop_it_ends_though_clients_are_connected(database: TestDatabase, tmp_path: Path) -> None:
    async with api_process(database, tmp_path) as (process, api), websockets.connect(api.live_url) as connection:
        await connection.send('{"type":"subscribe"}')
        await connection.recv()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(25):
            await connection.wait_closed()
            assert connection.close_code == 1012
            assert await process.wait() == 0


@pytest.mark.slow
async def test_clients_that_never_read_cost_at_most_8_mib_each_and_are_let_go_within_15_seconds(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    series, clients = 4000, 20
    for query in (
        "INSERT INTO devices (device_id, kind) SELECT 'd' || n, 'power' FROM generate_series(1, $1) n",
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) "
        "SELECT 'd' || n, 'm', now() - interval '1 hour', 0, now() FROM generate_series(1, $1) n",
    ):
        await owner.execute(query, series)

    async def update(until_time: float) -> None:
        while time.monotonic() < until_time:
            await owner.execute(
                "UPDATE latest_readings SET ts = now(), stored_at = clock_timestamp(), value = value + 1"
            )
            await owner.execute("NOTIFY readings_stored")
            await asyncio.sleep(0.3)

    async with api_process(database, tmp_path) as (process, api):
        await update(time.monotonic() + 3)
        memory = psutil.Process(process.pid).memory_info
        before, most = memory().rss, 0
        stalled = [await stalled_client(api) for _ in range(clients)]
        connected = time.monotonic()
        updating = asyncio.create_task(update(connected + 14))

        async def alone() -> bool:
            nonlocal most
            most = max(most, memory().rss)
            return b"api_live_clients 0.0" in (await api.http.get("/metrics")).content

        await until(alone, seconds=40)
        took = time.monotonic() - connected
        await updating
        for client in stalled:
            client.close()
    print(f"{took:.1f} s, {(most - before) / clients / MIB:.2f} MiB a client")
    assert (most - before) / clients <= 8 * MIB
    # Both clocks run after the client stopped reading, which is a moment after it connected.
    assert took <= 16


@pytest.mark.slow
async def test_a_client_that_answers_nothing_is_let_go_within_15_seconds(
    database: TestDatabase, tmp_path: Path
) -> None:
    async with api_process(database, tmp_path) as (_, api):
        silent = await stalled_client(api)
        started = datetime.now(UTC)

        async def gone() -> bool:
            return b"api_live_clients 0.0" in (await api.http.get("/metrics")).content

        await until(gone, seconds=40)
        assert datetime.now(UTC) - started <= timedelta(seconds=15)
        silent.close()
