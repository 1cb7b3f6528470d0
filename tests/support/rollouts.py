"""The real controller of Argo Rollouts beside a control plane of a test's own."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.ports import free_port
from tests.support import engine
from tests.support.stand_ins import charts

CONTROLLER = "rollouts-controller"
MANIFESTS = "rollouts-manifests"
"""Its types, in a folder beside the program."""


def missing() -> list[str]:
    """Programs without which no version can be rolled out here."""
    needed = [CONTROLLER, "prometheus"]
    return [*engine.missing_with_cluster(), *[name for name in needed if shutil.which(name) is None]]


def kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
    """Ask a cluster, and return what kubectl prints."""
    command = ["kubectl", "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def controller(kubeconfig: Path, folder: Path) -> Iterator[None]:
    """Install the types, Prometheus' too, and run the controller while the block runs."""
    types = Path(str(shutil.which(CONTROLLER))).with_name(MANIFESTS) / "crds"
    definitions = (argument for path in sorted(types.glob("*-crd.yaml")) for argument in ("-f", str(path)))
    kubectl(kubeconfig, "apply", "--server-side", *definitions)
    monitors = [charts.definition(*kind) for kind in charts.TYPES["prometheus-operator-crds"]]
    kubectl(kubeconfig, "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": monitors}))
    kubectl(kubeconfig, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    command = [
        str(shutil.which(CONTROLLER)),
        # It is alone, and a lease would lie in a namespace that is not there.
        *("--kubeconfig", str(kubeconfig), "--namespace", "sensors", "--namespaced", "--leader-elect=false"),
        *("--healthzPort", str(free_port()), "--metricsport", str(free_port())),
    ]
    with (folder / f"{CONTROLLER}.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
        assert running.poll() is None, (folder / f"{CONTROLLER}.log").read_text()[-2000:]
    finally:
        running.terminate()
        running.wait(20)
