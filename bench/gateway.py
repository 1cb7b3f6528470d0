"""Requests and readings a second through the gateway, beside a route that only reads the body, in the same run.

The stream behind the gateway acknowledges at once and keeps nothing, so that the figures are the gateway's own. CPU ms
is what a request costs the server, whatever else the machine does.

python -m bench.gateway [--seconds 5] [--connections 128]
"""

import argparse
import asyncio
import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psutil
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.domain.signing import SigningKeys, presign
from apps.platform.http import serve
from apps.platform.settings import HttpSettings, load
from devtools.ports import free_port
from devtools.postgres import Postgres
from tests.support import postgres
from tests.support.devices import KEYS
from tests.support.kinesis import CREDENTIALS
from tests.support.postgres import TestDatabase
from tests.support.serving import await_answer

WORK = ((1, False), (100, False), (500, False), (500, True))
"""Readings of a request, and whether they are gzipped."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="time for each figure")
    parser.add_argument("--connections", type=int, default=128, help="devices that send at a time")
    parser.add_argument("--serve", choices=SERVED, help="be one of the servers beside the gateway")
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(SERVED[options.serve](), load(HttpSettings), asyncio.Event()))
        return
    heads = ("requests/s", "readings/s", "CPU ms", "p50 ms", "p99 ms")
    print(f"{'server':<10}{'readings':>9}{'gzip':>6}" + "".join(f"{head:>12}" for head in heads))
    with _servers() as servers:
        for readings, gzipped in WORK:
            found = {}
            for name, server in servers.items():
                before = sum(server.process.cpu_times()[:2])
                latencies = asyncio.run(_press(server.port, readings, gzipped, options.connections, options.seconds))
                cpu = (sum(server.process.cpu_times()[:2]) - before) / len(latencies)
                rate = len(latencies) / options.seconds
                p50, p99 = (latencies[len(latencies) * share // 100] for share in (50, 99))
                found[name] = (rate, rate * readings, cpu * 1_000, p50 * 1_000, p99 * 1_000)
                _show(name, readings, gzipped, found[name])
            _show("ratio", readings, gzipped, [a / b for a, b in zip(found["gateway"], found["trivial"], strict=True)])


def _show(name: str, readings: int, gzipped: bool, figures: Sequence[float]) -> None:
    line = "".join(f"{figure:>12.0f}" if figure > 100 else f"{figure:>12.2f}" for figure in figures)
    print(f"{name:<10}{readings:>9}{gzipped!s:>6}{line}", flush=True)


def _trivial() -> Starlette:
    async def put(request: Request) -> Response:
        await request.body()
        return Response(b"{}", 202)

    return _serving(Route("/ingest/{device_id}", put, methods=["PUT"]))


def _stream() -> Starlette:
    result = b'{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898","ShardId":"shard-0"}'

    async def put_records(request: Request) -> Response:
        count = (await request.body()).count(b'"PartitionKey"')
        return Response(b'{"FailedRecordCount":0,"Records":[' + b",".join([result] * count) + b"]}")

    return _serving(Route("/", put_records, methods=["POST"]))


def _serving(route: Route) -> Starlette:
    async def health(_: Request) -> Response:
        return Response()

    return Starlette(routes=[route, Route("/health", health)])


SERVED = {"trivial": _trivial, "stream": _stream}


@dataclass
class Server:
    process: psutil.Process
    port: int


@contextmanager
def _servers() -> Iterator[dict[str, Server]]:
    with tempfile.TemporaryDirectory() as name, postgres.running_server(Path(name) / "postgres") as server:
        database = asyncio.run(_database(server))
        keys = Path(name) / "keys.json"
        keys.write_text(KEYS)
        ports = {"trivial": free_port(), "stream": free_port(), "gateway": free_port()}
        commands = {"gateway": ("apps.gateway",)} | {other: ("bench.gateway", "--serve", other) for other in SERVED}
        basic = (
            os.environ
            | database.environment("gateway")
            | CREDENTIALS
            | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['stream']}"}
        )
        basic |= {"READINGS_STREAM": "readings", "SIGNING_KEYS_FILE": str(keys), "LOG_LEVEL": "WARNING"}
        started = {
            name: subprocess.Popen([sys.executable, "-m", *command], env=basic | {"HTTP_PORT": str(ports[name])})
            for name, command in commands.items()
        }
        try:
            for port in ports.values():
                await_answer(f"http://127.0.0.1:{port}")
            yield {name: Server(psutil.Process(started[name].pid), ports[name]) for name in ("trivial", "gateway")}
        finally:
            for process in started.values():
                process.terminate()
            for process in started.values():
                process.wait()


async def _database(server: Postgres) -> TestDatabase:
    """Return the database from which the gateway knows credentials: it holds none."""
    await postgres.make_template(server)
    return await postgres.copy_template(server)


async def _press(port: int, readings: int, gzipped: bool, connections: int, seconds: float) -> list[float]:
    """Return the sorted seconds of every answered request of a closed loop."""
    end = time.perf_counter() + seconds
    taken = await asyncio.gather(*(_device(port, at, readings, gzipped, end) for at in range(connections)))
    return sorted(latency for latencies in taken for latency in latencies)


async def _device(port: int, number: int, readings: int, gzipped: bool, end: float) -> list[float]:
    # Bare sockets: an HTTP client would cost more than the servers.
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = signed_request(f"device-{number}", readings, gzipped)
    latencies = []
    while time.perf_counter() < end:
        latencies.append(await answered(reader, writer, request))
    writer.close()
    return latencies


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> float:
    """Send a request and return the seconds until its answer was read. Raises RuntimeError for any but 202."""
    began = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 202"):
        raise RuntimeError(head.decode())
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return time.perf_counter() - began


def signed_request(device_id: str, readings: int, gzipped: bool) -> bytes:
    """Return the request of a device with some readings, as it goes over the wire."""
    now = datetime.now(UTC)
    body = msgspec.json.encode(
        [{"metric": "temperature", "ts": now - timedelta(seconds=at), "value": 21.5 + at / 7} for at in range(readings)]
    )
    body = gzip.compress(body) if gzipped else body
    target = presign(SigningKeys.parse(KEYS.encode()), device_id, now + timedelta(hours=1))
    coding = "Content-Encoding: gzip\r\n" if gzipped else ""
    return f"PUT {target} HTTP/1.1\r\nHost: a\r\n{coding}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    main()
