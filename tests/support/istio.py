"""Istio's real control plane beside a control plane of a test's own, and its charts, rendered by helm.

Its pods are played like all others; the program that would run in them runs here, and the API server finds it.
"""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from components.workload.istio import CONTROL_PLANE as CHART
from components.workload.istio import SYSTEM
from devtools.ports import free_port
from tests.support import control_plane
from tests.support.rollouts import kubectl

CONTROL_PLANE, COMMAND_LINE = "pilot-discovery", "istioctl"
CHARTS = "istio-charts"
"""Its charts, in a folder beside the program."""

FOLDERS = {
    "base": "base",
    "cni": "istio-cni",
    "gateway": "gateway",
    "istiod": "istio-control/istio-discovery",
    "ztunnel": "ztunnel",
}
"""Where each chart lies in it."""

WEBHOOKS = 3
"""What it asks the API server to be asked: two configurations that check objects, and one that changes pods."""

Object = Mapping[str, Any]


def missing() -> list[str]:
    """Programs without which no mesh is controlled here."""
    needed = [CONTROL_PLANE, COMMAND_LINE, "helm", "kubectl"]
    return [*control_plane.missing(), *[name for name in needed if shutil.which(name) is None]]


def mirror(folder: Path) -> Path:
    """Lay the charts side by side, each by its name and as of the version that is pinned, in the place of others."""
    charts = Path(str(shutil.which(CONTROL_PLANE))).with_name(CHARTS)
    for name, chart in FOLDERS.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(charts / chart, folder / name)
        about = folder / name / "Chart.yaml"
        about.write_text(re.sub(r"(?m)^version: .*$", f"version: {CHART.version}", about.read_text()))
    return folder


@dataclass(frozen=True, slots=True)
class Istiod:
    """Istio's control plane, by the addresses at which it answers. `secure`: where it signs certificates."""

    kubeconfig: Path
    http: str
    xds: str
    secure: str

    def debug(self, what: str) -> Any:
        """Return what it says of itself."""
        answer = httpx.get(f"{self.http}/debug/{what}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def analyze(self, namespace: str) -> list[dict[str, Any]]:
        """Return what `istioctl analyze` finds in a namespace."""
        command = [COMMAND_LINE, "analyze", "--kubeconfig", str(self.kubeconfig), "-n", namespace, "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        assert done.returncode == 0 or found, done.stderr
        return found


def apply(kubeconfig: Path, objects: Sequence[Object], namespace: str | None = None) -> None:
    """Make objects, the API server and all webhooks willing. `namespace`: of those that name none."""
    manifests = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [_with_whole_numbers(manifest) for manifest in objects]}
    )
    options = ("-n", namespace) if namespace else ()
    kubectl(kubeconfig, "apply", "--server-side", "--force-conflicts", *options, "-f", "-", stdin=manifests)


def _with_whole_numbers(value: Any) -> Any:
    """Return what a recorded graph holds as the engine would send it: its numbers are all with a point."""
    if isinstance(value, Mapping):
        return {key: _with_whole_numbers(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inside) for inside in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@contextmanager
def istiod(kubeconfig: Path, folder: Path, deployment: Object) -> Iterator[Istiod]:
    """Run the control plane as its Deployment says, and let the API server's webhooks find it."""
    http, grpc, https, secure = (free_port() for _ in range(4))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
    command = [
        *(str(shutil.which(CONTROL_PLANE)), "discovery", "--kubeconfig", str(kubeconfig)),
        *("--httpAddr", f"127.0.0.1:{http}", "--grpcAddr", f"127.0.0.1:{grpc}", "--httpsAddr", f"127.0.0.1:{https}"),
        *("--secureGRPCAddr", f"127.0.0.1:{secure}", "--monitoringAddr", f"127.0.0.1:{free_port()}"),
        *("--ctrlz_address", "127.0.0.1", "--ctrlz_port", str(free_port())),
    ]
    environment = {**os.environ, **variables, "POD_NAMESPACE": SYSTEM, "POD_NAME": "istiod-0"}
    log = folder / f"{CONTROL_PLANE}.log"
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env=environment)
    found = Istiod(kubeconfig, f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}", f"127.0.0.1:{secure}")
    try:
        eventually(lambda: _answers(f"{found.http}/ready"), log)
        _lead_webhooks(kubeconfig, https)
        eventually(lambda: _are_trusted(kubeconfig), log)
        yield found
        assert running.poll() is None, log.read_text()[-2000:]
    finally:
        running.terminate()
        running.wait(20)


@contextmanager
def played(kubeconfig: Path, folder: Path) -> Iterator[Callable[[], Istiod]]:
    """Run the control plane as long as a cluster has its Deployment, as the pod would that is only played there.

    Yields what waits until it runs, and says where.
    """
    folder.mkdir()
    over, running, failed = threading.Event(), ExitStack(), list[BaseException]()
    current: list[Istiod] = []

    def look() -> None:
        wanted = _deployment(kubeconfig)
        if wanted and not current and len(_webhooks(kubeconfig)) == WEBHOOKS:
            current.append(running.enter_context(istiod(kubeconfig, folder, wanted)))
        elif wanted is None and current:
            current.clear()
            running.close()

    def repeat() -> None:
        while not over.wait(0.5):
            try:
                look()
            except Exception as error:  # noqa: BLE001 told to who waits
                failed.append(error)
                return

    def found() -> Istiod:
        eventually(lambda: current or failed)
        assert not failed, repr(failed[0])
        return current[0]

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
        running.close()
    assert not failed, repr(failed[0])


def _deployment(kubeconfig: Path) -> dict[str, Any] | None:
    arguments = ("get", "deployment", "istiod", "-n", SYSTEM, "--ignore-not-found", "-o", "json")
    found = kubectl(kubeconfig, *arguments)
    deployment: dict[str, Any] | None = json.loads(found) if found else None
    return None if deployment and "deletionTimestamp" in deployment["metadata"] else deployment


def eventually(condition: Callable[[], object], log: Path | None = None, seconds: float = 180) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, log.read_text()[-3000:] if log else condition
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def _lead_webhooks(kubeconfig: Path, port: int) -> None:
    """Let the Service of the control plane be this machine: its certificate stays one for the Service's name."""
    here = {"spec": {"type": "ExternalName", "externalName": "localhost", "clusterIP": None, "clusterIPs": None}}
    kubectl(kubeconfig, "patch", "service", "istiod", "-n", SYSTEM, "--type=merge", "-p", json.dumps(here))
    for kind, found in _webhooks(kubeconfig):
        patch = [
            {"op": "add", "path": f"/webhooks/{index}/clientConfig/service/port", "value": port}
            for index in range(len(found["webhooks"]))
        ]
        kubectl(kubeconfig, "patch", kind, found["metadata"]["name"], "--type=json", "-p", json.dumps(patch))


def _are_trusted(kubeconfig: Path) -> bool:
    """Whether the control plane has written its certificate into each webhook, and each is asked in earnest."""
    hooks = [hook for _, found in _webhooks(kubeconfig) for hook in found["webhooks"]]
    return bool(hooks) and all(
        hook["clientConfig"].get("caBundle") and hook["failurePolicy"] == "Fail" for hook in hooks
    )


def _webhooks(kubeconfig: Path) -> list[tuple[str, dict[str, Any]]]:
    kinds = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
    return [
        (kind, found) for kind in kinds for found in json.loads(kubectl(kubeconfig, "get", kind, "-o", "json"))["items"]
    ]
