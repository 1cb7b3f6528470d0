"""Pods that nobody starts, played by processes on this machine, and people who call them all the time.

The control plane's nodes are played: a pod is ready as soon as it is placed, and nothing runs in it. Here each pod of
one workload gets a process of its version as long as it is there, and a little longer, as a pod has that is told to
stop. Prometheus scrapes the processes with the labels of the pods. The callers go where the EndpointSlices lead, like a
load balancer.
"""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from devtools.ports import free_port
from tests.support.monitoring import configured_prometheus
from tests.support.serving import await_answer

ROOT = Path(__file__).parents[2]

SPARE = 12
"""Processes of a version that wait for a pod before it comes: a played pod is ready at once."""

GRACE_SECONDS = 3.0
"""Between the end of a pod and the end of its process: in life ten, while the load balancer learns of it."""

LOOK_SECONDS = 0.2

SCATTER = 37
"""Has no divisor in common with 100: calls in a row go to other places."""


@dataclass(slots=True)
class ApiServer:
    """What a kubeconfig with a token leads to."""

    kubeconfig: Path

    def get(self, path: str) -> dict[str, Any]:
        """Return what stands there."""
        access = json.loads(self.kubeconfig.read_text())
        server, token = access["clusters"][0]["cluster"]["server"], access["users"][0]["user"]["token"]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(server + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@dataclass(slots=True)
class _Process:
    pid: int
    port: int
    gone: float | None = None

    def end(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


@dataclass(slots=True)
class PlayedPods:
    """The pods of one workload. `faults`: what is wrong with a version, by its image.

    `shares`: percent of the calls by the Service that they go to; none: all to the workload's own.
    """

    api: ApiServer
    namespace: str
    name: str
    faults: Mapping[str, str]
    targets: Path
    shares: Callable[[], Mapping[str, int]] | None = None
    answers: Counter[str] = field(default_factory=Counter)
    """What callers got: a status, or `dropped`."""
    seen: list[tuple[str, ...]] = field(default_factory=list)
    """The images of the pods behind the Service, whenever they were others."""
    _programs: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _spare: dict[str, list[_Process]] = field(default_factory=dict)
    _pods: dict[str, _Process] = field(default_factory=dict)
    divided: list[Mapping[str, int]] = field(default_factory=list)
    """The shares, whenever they were others."""
    _routes: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Percent of the calls, and the ports of the pods that they go to: as one, since callers read it meanwhile."""
    _images: dict[str, str] = field(default_factory=dict)

    def expect(self, image: str) -> None:
        """Start processes of a version before its pods come."""
        waiting = self._spare.setdefault(image, [])
        new = self._start(image, SPARE - len(waiting))
        for process in new:
            await_answer(f"http://127.0.0.1:{process.port}", 120)
        waiting += new

    def look(self) -> None:
        """Give each pod its process, take it from those that are gone, and learn where the Service leads."""
        shares = self.shares() if self.shares else {self.name: 100}
        # Before the pods themselves: one that becomes ready in between has its process below.
        ready = {service: self._ready(service) for service, percent in shares.items() if percent}
        pods = {
            item["metadata"]["name"]: item["spec"]["containers"][0]["image"]
            for item in self._list(f"/api/v1/namespaces/{self.namespace}/pods")
            if item["status"].get("phase") == "Running" and "deletionTimestamp" not in item["metadata"]
        }
        for pod, image in pods.items():
            if pod not in self._pods:
                # Nobody is there when it is empty: more pods came than a test expects.
                self._pods[pod] = self._spare[image].pop()
                self._images[pod] = image
        now = time.monotonic()
        for pod, process in list(self._pods.items()):
            if pod not in pods and process.gone is None:
                process.gone = now
            if process.gone is not None and now - process.gone > GRACE_SECONDS:
                del self._pods[pod]
                process.end()
        self._tell_prometheus(pods)
        self._routes = tuple(
            (shares[service], tuple(self._pods[pod].port for pod in pods if pod in self._pods))
            for service, pods in ready.items()
        )
        images = tuple(sorted(self._images[pod] for pods in ready.values() for pod in pods if pod in self._images))
        if images and (not self.seen or self.seen[-1] != images):
            self.seen.append(images)
        if shares and (not self.divided or self.divided[-1] != shares):
            self.divided.append(shares)

    def call(self) -> None:
        """Ask once, where the Service leads."""
        behind = self._next()
        if not behind:
            if self.answers:
                self.answers["dropped: nobody is behind the Service"] += 1
            return
        port = behind[sum(self.answers.values()) % len(behind)]
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/api/devices", timeout=30)
        except httpx.TransportError as error:
            self.answers[f"dropped: {error!r}"] += 1
        else:
            self.answers[str(answer.status_code)] += 1

    def _next(self) -> tuple[int, ...]:
        """Return the ports of the pods that the next call goes to: of a hundred, each Service gets its share."""
        at = sum(self.answers.values()) * SCATTER % 100
        for percent, ports in self._routes:
            if at < percent:
                return ports
            at -= percent
        return ()

    def _ready(self, service: str) -> list[str]:
        slices = self._list(
            f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices",
            f"kubernetes.io/service-name={service}",
        )
        return [
            endpoint["targetRef"]["name"]
            for found in slices
            for endpoint in found.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready")
        ]

    def end(self) -> None:
        """End every process."""
        for process in (*self._pods.values(), *(spare for waiting in self._spare.values() for spare in waiting)):
            process.end()
        for program in self._programs:
            program.wait(60)

    def _list(self, path: str, labels: str | None = None) -> list[dict[str, Any]]:
        selector = labels or f"app.kubernetes.io/name={self.name}"
        items: list[dict[str, Any]] = self.api.get(f"{path}?labelSelector={selector}")["items"]
        return items

    def _start(self, image: str, count: int) -> list[_Process]:
        if count < 1:
            return []
        ports = [str(free_port()) for _ in range(count)]
        command = [sys.executable, "-m", "tests.support.played_version", self.faults.get(image, "none"), *ports]
        program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        self._programs.append(program)
        assert program.stdout
        return [_Process(pid, int(port)) for port, pid in json.loads(program.stdout.readline()).items()]

    def _tell_prometheus(self, pods: Mapping[str, str]) -> None:
        series = [
            {
                "targets": [f"127.0.0.1:{process.port}"],
                "labels": {"job": self.name, "namespace": self.namespace, "pod": pod},
            }
            for pod, process in sorted(self._pods.items())
            if pod in pods
        ]
        text = json.dumps(series)
        if not self.targets.exists() or self.targets.read_text() != text:
            new = self.targets.with_suffix(".new")
            new.write_text(text)
            new.replace(self.targets)


@contextmanager
def playing(kubeconfig: Path, folder: Path, name: str, faults: Mapping[str, str]) -> Iterator[tuple[PlayedPods, str]]:
    """Play the pods of a workload in the namespace `sensors`, call them all the time, and yield them with the URL of a
    Prometheus that scrapes them."""
    folder.mkdir()
    targets = folder / "targets.json"
    targets.write_text("[]")
    pods = PlayedPods(ApiServer(kubeconfig), "sensors", name, faults, targets)
    scraping = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": name, "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}]},
        ],
    }
    with ExitStack() as running:
        url = running.enter_context(configured_prometheus(folder, scraping))
        running.callback(pods.end)
        running.enter_context(_again_and_again(pods.look, LOOK_SECONDS))
        for _ in range(2):
            running.enter_context(_again_and_again(pods.call, 0.1))
        yield pods, url


@contextmanager
def _again_and_again(work: Callable[[], None], pause: float) -> Iterator[None]:
    over, failed = threading.Event(), list[BaseException]()

    def repeat() -> None:
        while not over.wait(pause):
            try:
                work()
            except Exception as error:  # noqa: BLE001 told when the block ends
                failed.append(error)
            else:
                failed.clear()  # the API server may be busy for a moment

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert len(failed) < 20, repr(failed[-1])
