"""A mesh: Istio's real control plane on a real API server, in which all objects of an environment stand.

Pods are played, and who takes them into the mesh is, too.
"""

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apps.catalog import CATALOG
from components.workload.istio import CONTROL_PLANE
from delivery.charts.helm import Helm, installed
from delivery.charts.server import declared_objects
from tests.stacks.stacks_under_test import environment_config, mesh_graph
from tests.support import control_plane, istio
from tests.support.istio import apply
from tests.support.proxies import Proxies
from tests.support.rollouts import kubectl
from tests.support.stand_ins import charts

STACK = "dev"
"""Smaller than prod, of which nothing differs here: its pods have a place on two nodes."""

SERVERS = {server.name: server for server in CATALOG.servers}
PLANTED = "intruder"
MEMBERS = {*SERVERS, PLANTED}


@contextmanager
def running(folder: Path) -> Iterator[Proxies]:
    """Run it while the block does, and yield what asks it as its proxies would."""
    graph = mesh_graph(STACK)
    helm = Helm(folder / "cache", istio.mirror(folder / "mirror"))
    version = environment_config(STACK).cluster.version
    rendered = {
        wanted.chart: helm.render(wanted, version, ()) for wanted in installed(graph) if wanted.chart in istio.FOLDERS
    }
    (deployment,) = [manifest for manifest in rendered[CONTROL_PLANE.name] if manifest["kind"] == "Deployment"]
    with control_plane.running(folder) as kubeconfig:
        types = [charts.definition(*kind) for kinds in charts.TYPES.values() for kind in kinds]
        apply(
            kubeconfig,
            [*types, *(manifest for manifest in rendered["base"] if manifest["kind"] == "CustomResourceDefinition")],
        )
        kubectl(kubeconfig, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        declared = [manifest for _, manifest in declared_objects(graph)]
        apply(kubeconfig, [manifest for manifest in declared if manifest["kind"] == "Namespace"])
        _apply_chart(kubeconfig, rendered, ("base", "istiod", "cni", "ztunnel"), "istio-system")
        with istio.istiod(kubeconfig, folder, deployment) as istiod:
            apply(kubeconfig, [manifest for manifest in declared if manifest["kind"] != "Namespace"])
            _apply_chart(kubeconfig, rendered, ("gateway",), "sensors")
            proxies = Proxies(istiod, kubeconfig)
            _plant(proxies)
            proxies.take_in(MEMBERS)
            yield proxies


def _apply_chart(
    kubeconfig: Path, rendered: dict[str, list[dict[str, Any]]], names: Sequence[str], namespace: str
) -> None:
    objects = [
        manifest for name in names for manifest in rendered[name] if manifest["kind"] != "CustomResourceDefinition"
    ]
    apply(kubeconfig, objects, namespace)


def _plant(proxies: Proxies) -> None:
    """Start a pod that no declaration names, in the namespace of the services."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": PLANTED, "namespace": "sensors"}}
    deployment = json.loads(kubectl(proxies.kubeconfig, "get", "deployment", "rules", "-n", "sensors", "-o", "json"))
    planted = copy.deepcopy(deployment)
    labels = {"app.kubernetes.io/name": PLANTED}
    planted["metadata"] = {"name": PLANTED, "namespace": "sensors"}
    planted["spec"]["selector"] = {"matchLabels": labels}
    planted["spec"]["template"]["metadata"]["labels"] = labels
    planted["spec"]["template"]["spec"]["serviceAccountName"] = PLANTED
    planted.pop("status")
    apply(proxies.kubeconfig, [account, planted])
