"""What the detector talks to: a planted Prometheus over real HTTP, and the real programs where they are installed."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from apps.platform.http import HTTP_SECONDS
from apps.platform.promql import bucket_labels, family
from devtools.ports import free_port
from devtools.tools import ALERTMANAGER, PROMETHEUS, PUSHGATEWAY, Tool, find
from tests.support.serving import answering

Point = tuple[float, float | str]


class PlantedPrometheus:
    """Answers the HTTP API with the series that a test plants: `series[query]` is a list of (labels, points)."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0
        self.series: dict[str, list[tuple[dict[str, str], list[Point]]]] = {}
        self.raw: bytes | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def plant(self, query: str, job: str, values: list[Any], step: float = 15, end: float = 0) -> None:
        """Plant values `step` seconds apart, the last one `end` seconds after now."""
        first = self.now + end - step * (len(values) - 1)
        points = [(first + step * index, value) for index, value in enumerate(values) if value is not None]
        others = [series for series in self.series.get(query, []) if series[0]["job"] != job]
        self.series[query] = [*others, ({"job": job}, points)]

    def answer(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        query = parameters["query"]
        if path == "/api/v1/query" and query == "time()":
            return {"resultType": "scalar", "result": [self.now, str(self.now)]}
        result = [
            {"metric": labels, "values": [[at, str(value)] for at, value in points]}
            for labels, points in self.series.get(query, [])
        ]
        return {"resultType": "matrix", "result": result}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        planted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urllib.parse.urlsplit(self.path)
                data = planted.answer(url.path, dict(urllib.parse.parse_qsl(url.query)))
                body = planted.raw or json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200 if planted.raw is None else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@contextmanager
def planted_prometheus() -> Iterator[PlantedPrometheus]:
    planted = PlantedPrometheus()
    with answering(planted.server):
        yield planted


@contextmanager
def pushgateway(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a real Pushgateway and yield its URL."""
    address = f"127.0.0.1:{port or free_port()}"
    # Debian's own default is one file for the whole machine: tests would see what others pushed.
    options = (f"--web.listen-address={address}", "--persistence.file=")
    with _running(folder, PUSHGATEWAY, *options, ready=f"http://{address}/-/ready"):
        yield f"http://{address}"


@contextmanager
def prometheus(folder: Path, targets: dict[str, str]) -> Iterator[str]:
    """Run a real Prometheus that scrapes each job's address every second, and yield its URL."""
    configuration = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
    }
    with configured_prometheus(folder, configuration) as url:
        yield url


@contextmanager
def configured_prometheus(folder: Path, configuration: dict[str, Any], port: int | None = None) -> Iterator[str]:
    """Run a real Prometheus and yield its URL."""
    address = f"127.0.0.1:{port or free_port()}"
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    with _running(
        folder,
        PROMETHEUS,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        ready=f"http://{address}/-/ready",
    ):
        yield f"http://{address}"


@contextmanager
def alertmanager(folder: Path, configuration: dict[str, Any], port: int | None = None) -> Iterator[str]:
    """Run a real Alertmanager and yield its URL."""
    address = f"127.0.0.1:{port or free_port()}"
    (folder / "alertmanager.yml").write_text(json.dumps(configuration))
    with _running(
        folder,
        ALERTMANAGER,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        ready=f"http://{address}/-/ready",
    ):
        yield f"http://{address}"


@contextmanager
def _running(folder: Path, tool: Tool, *arguments: str, ready: str) -> Iterator[None]:
    path = find(tool)
    if path is None:
        pytest.skip(f"{tool.name} is not on PATH")
    with (folder / f"{tool.name}.log").open("wb") as log:
        process = subprocess.Popen([path, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        _await(ready, process)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except (urllib.error.HTTPError, OSError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"no answer from {url}")


def remember_a_quiet_quarter_of_an_hour(folder: Path) -> None:
    """Write into Prometheus's data what it would have scraped from an API that answers within 100 to 200 ms.

    That is slower than any machine that runs this test, and quicker than an API whose table is locked.
    """
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH")
    now = datetime.now(UTC).timestamp()
    name = family(HTTP_SECONDS).name
    series = f'{name}_bucket{{job="api",instance="before",method="GET",route="/api/devices"'
    lines = [f"# TYPE {name} histogram"]
    for bound, label in bucket_labels(HTTP_SECONDS).items():
        sample = f'{series},le="{label}"}}'
        lines += [f"{sample} {900 - ago if bound > 0.1 else 0} {now - ago:.3f}" for ago in range(900, 0, -5)]
    (folder / "history").write_text("\n".join([*lines, "# EOF", ""]))
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "history", "data"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
