"""What the played nodes of a control plane do with pods."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import control_plane
from tests.support.rollouts import kubectl

LACKING = [*control_plane.missing(), *([] if shutil.which("kubectl") else ["kubectl"])]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]


def job(name: str, image: str) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "program", "image": image}]}
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def test_a_job_completes_but_for_one_that_is_to_fail(kubeconfig: Path) -> None:
    jobs = [job("works", f"registry/works@sha256:{'0' * 64}"), job("fails", control_plane.FAILS)]
    manifests = json.dumps({"apiVersion": "v1", "kind": "List", "items": jobs})
    kubectl(kubeconfig, "apply", "-f", "-", stdin=manifests)
    kubectl(kubeconfig, "wait", "--for=condition=Complete", "job/works", "--timeout=60s")
    kubectl(kubeconfig, "wait", "--for=condition=Failed", "job/fails", "--timeout=60s")
