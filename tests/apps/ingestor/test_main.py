"""The process: probes, metrics, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from stacks.local.postgres import free_port
from tests.apps.ingestor.support import QUICK, count, envelope, eventually, put


@pytest.fixture
def start(ministack, stream):
    processes = []

    def start(**changes: str) -> tuple[subprocess.Popen[str], str]:
        port = free_port()
        environment = {**os.environ, **ministack.environment(), "READINGS_STREAM": stream, **QUICK}
        environment |= {"HTTP_PORT": str(port)} | changes
        command = [sys.executable, "-m", "apps.ingestor"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process, f"http://127.0.0.1:{port}"

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


async def answers(url: str, status: int) -> str:
    async def asked() -> str | None:
        found, body = fetch(url)
        return body if found == status else None

    return await eventually(asked)


async def test_the_process_stores_readings_says_so_and_stops_at_once(database, ministack, stream, start):
    put(ministack.client(), stream, [envelope("device-1", range(50))])
    process, url = start(**database.environment("ingestor"))
    connection = await database.connect()
    await answers(url + "/ready", 200)

    async def stored() -> bool:
        return await count(connection) == 50

    await eventually(stored)
    await eventually(lambda: _contains(url, 'ingestor_records_total{outcome="stored"} 50.0'))
    metrics = await answers(url + "/metrics", 200)
    assert "ingestor_batch_lag_seconds{shard_id=" in metrics
    assert "ingestor_leases 2.0" in metrics
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - asked < 5
    assert await connection.fetchval("SELECT count(*) FROM shard_leases WHERE owner IS NOT NULL") == 0
    await connection.close()


async def test_without_a_database_it_lives_and_is_not_ready_and_stops_when_told(database, start):
    process, url = start(**database.environment("ingestor") | {"DATABASE_PORT": str(free_port())})
    assert "alive" in await answers(url + "/health", 200)

    async def reason() -> bool:
        return "Connect" in fetch(url + "/ready")[1]

    await eventually(reason)
    assert fetch(url + "/ready")[0] == 503
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_settings_that_cannot_work_are_said_at_once(database, start):
    process, _ = start(**database.environment("ingestor") | {"DATABASE_CONNECTIONS": "1"})
    assert process.wait(20) == 2
    assert "DATABASE_CONNECTIONS='1': Input should be greater than or equal to 2" in process.stderr.read()


async def test_a_port_that_is_taken_is_said_in_one_line(database, start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process, _ = start(**database.environment("ingestor"), HTTP_PORT=port)
        assert process.wait(20) == 2
    assert f"HTTP_PORT={port}" in process.stderr.read()


async def _contains(url: str, text: str) -> bool:
    return text in fetch(url + "/metrics")[1]
