"""What a mesh's gateway adds to a request: each goes straight to the service and through the mesh, in turns.

The service only reads the body, so that it does not hide what is added. Istio's gateway is Envoy as istiod configures
it, and so is its end of the tunnel; the pod's end is an Envoy in the place of ztunnel, on the same machine. So no
figure is one of ztunnel, of the load balancer or of a network. Needs what `nox -s engine` has for the mesh.

python -m bench.mesh [--seconds 30] [--rate 100] [--connections 8]
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import answered, signed_request
from devtools.ports import free_port
from tests.support import data_plane, mesh
from tests.support.data_plane import DataPlane
from tests.support.serving import await_answer

WORK = (1, 100)
"""Readings of a request."""

LOAD_BALANCER = "10.20.192.9"
"""Of dev's public subnets."""


@dataclass(frozen=True)
class Target:
    """Where requests are sent, and from where."""

    host: str
    port: int
    source: str = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="time for each figure")
    parser.add_argument("--rate", type=float, default=100, help="requests a second, straight and through the mesh")
    parser.add_argument("--connections", type=int, default=8, help="devices that send at a time")
    options = parser.parse_args()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        proxies, port = running.enter_context(mesh.running(folder)), running.enter_context(_service())
        plane = running.enter_context(data_plane.running(proxies, folder / "traffic", processes={"gateway": port}))
        targets = {"straight": Target("127.0.0.1", port), "mesh": _through(plane)}
        heads = f"{'':<10}{'readings':>9}{'requests':>10}{'p50 ms':>9}{'p99 ms':>9}"
        print(f"{heads}   load {os.getloadavg()[0]:.1f}")
        for readings in WORK:
            asyncio.run(_press(targets, readings, options.connections, options.rate, 1))  # opens the tunnels
            _show(readings, asyncio.run(_press(targets, readings, options.connections, options.rate, options.seconds)))


@contextmanager
def _service() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.gateway", "--serve", "trivial"]
    process = subprocess.Popen(command, env=os.environ | {"HTTP_PORT": str(port), "LOG_LEVEL": "WARNING"})
    try:
        await_answer(f"http://127.0.0.1:{port}")
        yield port
    finally:
        process.terminate()
        process.wait()


def _through(plane: DataPlane) -> Target:
    return Target(*plane.place, plane.loopback.address(LOAD_BALANCER))


def _show(readings: int, latencies: Mapping[str, Sequence[float]]) -> None:
    found = {
        name: [taken[len(taken) * share // 100] * 1_000 for share in (50, 99)] for name, taken in latencies.items()
    }
    for name, figures in found.items():
        print(f"{name:<10}{readings:>9}{len(latencies[name]):>10}" + "".join(f"{figure:>9.2f}" for figure in figures))
    pairs = list(zip(found["mesh"], found["straight"], strict=True))
    print(f"{'added':<10}{readings:>9}{'':>10}" + "".join(f"{mesh - straight:>9.2f}" for mesh, straight in pairs))
    print(f"{'ratio':<10}{readings:>9}{'':>10}" + "".join(f"{mesh / straight:>9.2f}" for mesh, straight in pairs))


async def _press(
    targets: Mapping[str, Target], readings: int, connections: int, rate: float, seconds: float
) -> dict[str, list[float]]:
    """Return the sorted seconds of every answered request, by its target."""
    end, interval = time.perf_counter() + seconds, connections / rate
    devices = await asyncio.gather(*(_device(targets, at, readings, interval, end) for at in range(connections)))
    return {name: sorted(taken for device in devices for taken in device[name]) for name in targets}


async def _device(
    targets: Mapping[str, Target], number: int, readings: int, interval: float, end: float
) -> dict[str, list[float]]:
    connected = {
        name: await asyncio.open_connection(target.host, target.port, local_addr=(target.source, 0))
        for name, target in targets.items()
    }
    request = signed_request(f"device-{number}", readings, gzipped=False)
    latencies: dict[str, list[float]] = {name: [] for name in targets}
    following = time.perf_counter() + interval * random.random()
    while following < end:
        await asyncio.sleep(max(0.0, following - time.perf_counter()))
        following += interval
        for name, (reader, writer) in connected.items():
            latencies[name].append(await answered(reader, writer, request))
    for _, writer in connected.values():
        writer.close()
    return latencies


if __name__ == "__main__":
    main()
