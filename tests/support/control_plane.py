"""A Kubernetes control plane of one's own on this machine, from programs on PATH.

etcd, the API server, its controllers and the scheduler are real. kwok plays the nodes that a stack begins with, each
with the room of its machine, and their pods: they become ready, Jobs complete, nothing runs in them. No node is added
where there is no room, and what EKS itself runs on each is not there. Without these programs, ENGINE_KUBECONFIG names
the kubeconfig of a cluster that may be thrown away, for example one of kind.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from components.cluster.config import NodesConfig
from delivery.cost.placement import allocatable
from devtools import api_server
from devtools.api_server import ApiServer
from devtools.ports import free_port
from stacks.config import load_environment

PROGRAMS = (*api_server.PROGRAMS, "kube-controller-manager", "kube-scheduler", "kwok")
STAGES = "kwok-stages.yaml"
"""How kwok's pods live, beside the program."""

FAILS = f"registry/fails@sha256:{'0' * 64}"
"""The image of a Job that fails: all others complete."""

FAILING = f"""\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {{name: pod-fail}}
spec:
  resourceRef: {{apiGroup: v1, kind: Pod}}
  selector:
    matchExpressions:
    - {{key: .metadata.deletionTimestamp, operator: DoesNotExist}}
    - {{key: .status.phase, operator: In, values: [Running]}}
    - {{key: '.spec.containers.[].image', operator: In, values: ['{FAILS}']}}
  weight: 1
  next:
    statusTemplate: 'phase: Failed'
"""
"""It goes before the others, which have no weight."""


def missing() -> list[str]:
    """Which programs are not on PATH."""
    if os.environ.get("ENGINE_KUBECONFIG"):
        return []
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def running(folder: Path, stack: str = "dev") -> Iterator[Path]:
    """Run a control plane with the nodes of a stack and yield its kubeconfig; all of it ends with the block."""
    if given := os.environ.get("ENGINE_KUBECONFIG"):
        yield Path(given)
        return
    with ExitStack() as programs:
        server = programs.enter_context(api_server.running(folder))
        for name, arguments in _controllers(server).items():
            programs.enter_context(api_server.started(name, arguments, folder))
        nodes = load_environment(stack).cluster.nodes
        for number in range(nodes.minimum):
            server.ask("/api/v1/nodes", _node(f"node-{number}", f"eu-west-1{'ab'[number % nodes.zones]}", nodes))
        yield server.kubeconfig


def _controllers(server: ApiServer) -> dict[str, list[str]]:
    stages, failing = Path(str(shutil.which("kwok"))).with_name(STAGES), server.folder / "failing.yaml"
    failing.write_text(FAILING)
    access = ["--kubeconfig", str(server.kubeconfig)]
    serving = ["--bind-address", "127.0.0.1", "--leader-elect=false", "--secure-port"]
    return {
        "kube-controller-manager": [
            *access,
            *serving,
            str(free_port()),
            *("--service-account-private-key-file", str(server.key)),
            "--node-monitor-grace-period=10m",
        ],
        "kube-scheduler": [*access, *serving, str(free_port())],
        "kwok": [
            *access,
            *(["--config", str(stages), "--config", str(failing)] if stages.exists() else []),
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{free_port()}",
        ],
    }


def _node(name: str, zone: str, nodes: NodesConfig) -> dict[str, Any]:
    room = allocatable(nodes)
    size = {
        "cpu": f"{room.cpu_m}m",
        "memory": f"{room.memory_mib}Mi",
        "pods": str(room.pods),
        "ephemeral-storage": f"{nodes.disk_gib}Gi",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone,
            },
        },
        "status": {"allocatable": size, "capacity": size},
    }
