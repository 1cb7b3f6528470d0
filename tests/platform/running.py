"""The services as real processes, each with the environment that the local stack gives it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from apps.catalog import CATALOG
from apps.detector.service import DETECTOR
from apps.platform.declaration import Declaration
from apps.resources import OPERATOR_TOKEN
from devtools.ports import free_port
from local import plan
from local.infrastructure import secrets
from local.infrastructure.monitoring import scraping
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase
from tests.support.serving import await_answer


@dataclass
class RunningPlatform:
    """Gateway, ingestors and API at work, and what a device or an operator does with them."""

    folder: Path
    env: plan.LocalEnvironment
    extra: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    @property
    def replicas(self) -> list[plan.Replica]:
        return plan.replicas(CATALOG)

    @property
    def operator(self) -> dict[str, str]:
        token = (self.env.secrets / OPERATOR_TOKEN.name).read_text()
        return {"Authorization": f"Bearer {token}"}

    def start(self, name: str, declared: Declaration, port: int | None = None) -> subprocess.Popen[bytes]:
        environment = {**plan.environment(declared, self.env, port), **self.extra}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(plan.command(declared), env=os.environ | environment, stdout=log, stderr=log)
        self.processes[name] = process
        return process

    def kill(self, name: str) -> None:
        """End a process as a power cut would, and start it again."""
        self.processes[name].kill()
        self.processes[name].wait(30)
        (replica,) = (replica for replica in self.replicas if replica.name == name)
        self.start(name, replica.service, self.env.ports[name])
        await_answer(self.env.url(name), 60)

    def simulate(self, *arguments: str) -> dict[str, Any]:
        """Run the simulator to its end and return its report."""
        report = self.folder / "report.json"
        token = self.env.secrets / OPERATOR_TOKEN.name
        connection = ("--api", self.env.url("api"), "--token-file", str(token), "--report", str(report))
        subprocess.run([sys.executable, "-m", "apps.simulator", *arguments, *connection], check=True, timeout=900)
        counts: dict[str, Any] = json.loads(report.read_text())
        return counts

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(30)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def run_detector(self) -> int:
        """Let the detector look once, and return its exit code."""
        return self.start("detector", DETECTOR).wait(60)

    def upload_url(self, device_id: str) -> str:
        """Register a device and return its upload URL."""
        self.http.post(
            f"{self.env.url('api')}/api/devices",
            json={"device_id": device_id, "kind": "sensor"},
            headers=self.operator,
        )
        url = f"{self.env.url('api')}/api/devices/{device_id}/upload-url"
        answer = self.http.post(url, json={"expires_in": 3600}, headers=self.operator)
        answer.raise_for_status()
        return str(answer.json()["url"])

    def put(self, url: str, *values: float, **headers: str) -> httpx.Response:
        """Send readings as a device does."""
        now = datetime.now(UTC)
        readings = [{"metric": f"metric_{n}", "ts": now.isoformat(), "value": value} for n, value in enumerate(values)]
        return self.http.put(url, json=readings, headers=headers)

    def scrape_configuration(self, **jobs: str) -> dict[str, Any]:
        """Return the local stack's Prometheus configuration, quicker, and with these targets besides."""
        configuration = scraping(self.env, self.replicas, seconds=1)
        configuration["scrape_configs"] += [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in jobs.items()
        ]
        return configuration


@contextmanager
def running_platform(
    database: TestDatabase, kinesis: KinesisServer, stream: str, folder: Path, **extra: str
) -> Iterator[RunningPlatform]:
    """Run every service that runs all the time; `extra` goes into the environment of each."""
    names = [replica.name for replica in plan.replicas(CATALOG)]
    ports = {name: free_port() for name in (*names, "prometheus", "alertmanager", "pushgateway", "webhook")}
    ports |= {"postgresql": database.server.port, "ministack": int(kinesis.url.rpartition(":")[2])}
    env = plan.LocalEnvironment(
        front_door=f"http://{plan.HOST}:{ports['gateway']}",  # upload URLs lead straight to the gateway
        ports=ports,
        stream=stream,
        secrets=folder / "secrets",
        owner_password=database.server.password_file,
    )
    for secret in plan.secrets(CATALOG):
        secrets.keep(env.secrets / secret.name, secrets.MAKERS[secret])
    for role in plan.roles(CATALOG):
        env.password_file(role).write_text(role)
    running = RunningPlatform(folder, env, {"DATABASE_NAME": database.name, **extra})
    with ExitStack() as ending:
        ending.callback(running.http.close)
        ending.callback(running.stop)
        for replica in running.replicas:
            running.start(replica.name, replica.service, ports[replica.name])
        for name in names:
            await_answer(env.url(name), 60)
        yield running
