"""Latency of the API's reads on a filled database, beside a route that answers the same bytes at once, in the same run.

Both servers run as services do, one after the other under the same clients. The ratios are what the database and the
API's own work cost; CPU ms is what a request costs the server's process, whatever else the machine does.

python -m bench.api [--seconds 5] [--connections 8] [--series 400] [--readings 2000]
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import psutil
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.platform.http import application, serve
from apps.platform.settings import HttpSettings, load
from devtools.ports import free_port
from tests.support import postgres
from tests.support.api import secrets
from tests.support.postgres import TestDatabase
from tests.support.serving import await_answer

PATHS = {
    "page of 100, one series": "/api/readings?device_id=d7&metric=a&limit=100",
    "page of 100, one device": "/api/readings?device_id=d7&limit=100",
    "page of 100, everything": "/api/readings?limit=100",
    "latest, one device": "/api/readings/latest?device_id=d7",
    "latest, everything": "/api/readings/latest?limit=10000",
    "trend, 24 hours": "/api/readings/trend?device_id=d7&metric=a",
    "devices, page of 100": "/api/devices?limit=100",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="time for each figure")
    parser.add_argument("--connections", type=int, default=8, help="clients that ask at a time")
    parser.add_argument("--series", type=int, default=400, help="series in the database")
    parser.add_argument("--readings", type=int, default=2000, help="readings of each series, a minute apart")
    parser.add_argument("--trivial", type=Path, help="be the server that answers this file at once")
    options = parser.parse_args()
    if options.trivial is not None:
        asyncio.run(_serve_trivially(options.trivial.read_bytes()))
        return
    print(
        f"{'route':<26}{'server':<10}" + "".join(f"{head:>11}" for head in ("requests/s", "CPU ms", "p50 ms", "p99 ms"))
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(_database(options.series, options.readings))
        environment = database.environment("api") | secrets(folder)
        api = stack.enter_context(_server(environment, "apps.api"))
        for name, path in PATHS.items():
            answer = folder / "answer"
            answer.write_bytes(httpx.get(f"http://127.0.0.1:{api.port}{path}", timeout=30).raise_for_status().content)
            with _server({}, "bench.api", "--trivial", str(answer)) as trivial:
                found = [_measure(server, path, options) for server in (trivial, api)]
            for server, figures in zip(("trivial", "api"), found, strict=True):
                _show(name, server, figures)
            _show(name, "ratio", [own / least for least, own in zip(*found, strict=True)])


def _show(name: str, server: str, figures: Sequence[float]) -> None:
    print(f"{name:<26}{server:<10}" + "".join(f"{figure:>11.2f}" for figure in figures), flush=True)


@dataclass
class Server:
    process: psutil.Process
    port: int


@contextmanager
def _server(environment: dict[str, str], *command: str) -> Iterator[Server]:
    port = free_port()
    given = os.environ | environment | {"HTTP_PORT": str(port), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, "-m", *command], env=given)
    try:
        await_answer(f"http://127.0.0.1:{port}")
        yield Server(psutil.Process(process.pid), port)
    finally:
        process.terminate()
        process.wait()


async def _serve_trivially(content: bytes) -> None:
    async def answer(_: Request) -> Response:
        return Response(content, media_type="application/json")

    async def ready() -> str | None:
        return None

    await serve(application([Route("/{path:path}", answer)], ready), load(HttpSettings), asyncio.Event())


@contextmanager
def _database(series: int, readings: int) -> Iterator[TestDatabase]:
    with tempfile.TemporaryDirectory() as name, postgres.running_server(Path(name) / "postgres") as server:
        asyncio.run(postgres.make_template(server))
        database = asyncio.run(postgres.copy_template(server))
        asyncio.run(_fill(database, series, readings))
        yield database


async def _fill(database: TestDatabase, series: int, readings: int) -> None:
    connection: asyncpg.Connection = await database.connect()
    await connection.execute(_ENSURE, readings)
    await connection.execute(_READINGS, series // 2, readings, timeout=900)
    for statement in _SUMMARIES:
        await connection.execute(statement, timeout=900)
    await connection.close()


_ENSURE = """
    SELECT ensure_partition(month) FROM generate_series(
        date_trunc('month', now() - make_interval(mins => $1 + 1)), now(), interval '1 month') month
"""
_READINGS = """
    INSERT INTO sensor_readings (device_id, metric, ts, value, received_at)
    SELECT 'd' || d, m, now() - make_interval(mins => n, secs => d % 60), n, now()
    FROM generate_series(1, $1) d, unnest(ARRAY['a', 'b']) m, generate_series(0, $2 - 1) n
"""
_SUMMARIES = (
    """INSERT INTO latest_readings (device_id, metric, ts, value, received_at)
       SELECT DISTINCT ON (device_id, metric) device_id, metric, ts, value, received_at
       FROM sensor_readings ORDER BY device_id, metric, ts DESC""",
    "INSERT INTO devices (device_id, kind) SELECT DISTINCT device_id, 'power' FROM latest_readings",
    """INSERT INTO readings_minute SELECT device_id, metric, date_trunc('minute', ts), count(*), sum(value), min(value),
       max(value) FROM sensor_readings GROUP BY 1, 2, 3""",
    "VACUUM ANALYZE",
)


def _measure(server: Server, path: str, options: argparse.Namespace) -> list[float]:
    asyncio.run(_press(server.port, path, options.connections, options.seconds / 5))  # warm
    before = sum(server.process.cpu_times()[:2])
    latencies = asyncio.run(_press(server.port, path, options.connections, options.seconds))
    cpu = (sum(server.process.cpu_times()[:2]) - before) / len(latencies)
    p50, p99 = (latencies[len(latencies) * share // 100] for share in (50, 99))
    return [len(latencies) / options.seconds, cpu * 1000, p50 * 1000, p99 * 1000]


async def _press(port: int, path: str, connections: int, seconds: float) -> list[float]:
    """Return the sorted seconds of every answered request of a closed loop."""
    end = time.perf_counter() + seconds
    taken = await asyncio.gather(*(_client(port, path, end) for _ in range(connections)))
    return sorted(latency for latencies in taken for latency in latencies)


async def _client(port: int, path: str, end: float) -> list[float]:
    # Bare sockets: an HTTP client would cost more than the servers.
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=16 * 1024 * 1024)
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    latencies = []
    while (began := time.perf_counter()) < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        latencies.append(time.perf_counter() - began)
    writer.close()
    return latencies


if __name__ == "__main__":
    main()
