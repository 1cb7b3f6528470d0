"""A mesh by Istio's real control plane: its charts and webhooks, and what it tells the proxies of each workload.

The API server is real, and all objects of an environment with a mesh stand in it. Pods are played, and who takes them
into the mesh is, too.
"""

import copy
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import CATALOG
from components.workload.istio import CONTROL_PLANE, INGRESS_PORT
from delivery.charts import checks, keys
from delivery.charts.checks import Rendered
from delivery.charts.helm import Helm, installed
from delivery.charts.server import declared_objects
from delivery.recording import Graph
from tests.stacks.stacks_under_test import environment_config, mesh_graph
from tests.support import control_plane, istio, xds
from tests.support.istio import apply, eventually
from tests.support.proxies import Proxies, routes
from tests.support.rollouts import kubectl
from tests.support.stand_ins import charts

LACKING = istio.missing()

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

STACK = "dev"
"""Smaller than prod, of which nothing differs here: its pods have a place on two nodes."""

SERVERS = {server.name: server for server in CATALOG.servers}
PLANTED = "intruder"
MEMBERS = {*SERVERS, PLANTED}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    folder = tmp_path_factory.mktemp("mesh")
    graph = mesh_graph(STACK)
    helm = Helm(folder / "cache", istio.mirror(folder / "mirror"))
    version = environment_config(STACK).cluster.version
    rendered = {
        wanted.chart: helm.render(wanted, version, ()) for wanted in installed(graph) if wanted.chart in istio.FOLDERS
    }
    (deployment,) = [made for made in rendered[CONTROL_PLANE.name] if made["kind"] == "Deployment"]
    with control_plane.running(folder) as kubeconfig:
        types = [charts.definition(*kind) for kinds in charts.TYPES.values() for kind in kinds]
        apply(kubeconfig, [*types, *(made for made in rendered["base"] if made["kind"] == "CustomResourceDefinition")])
        kubectl(kubeconfig, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        declared = [made for _, made in declared_objects(graph)]
        apply(kubeconfig, [made for made in declared if made["kind"] == "Namespace"])
        _apply_chart(kubeconfig, rendered, ("base", "istiod", "cni", "ztunnel"), "istio-system")
        with istio.istiod(kubeconfig, folder, deployment) as istiod:
            apply(kubeconfig, [made for made in declared if made["kind"] != "Namespace"])
            _apply_chart(kubeconfig, rendered, ("gateway",), "sensors")
            made = Proxies(istiod, kubeconfig)
            plant(made)
            made.take_in(MEMBERS)
            yield made


def _apply_chart(kubeconfig: Path, rendered: dict[str, list[dict[str, Any]]], names: Sequence[str], place: str) -> None:
    objects = [made for name in names for made in rendered[name] if made["kind"] != "CustomResourceDefinition"]
    apply(kubeconfig, objects, place)


def plant(place: Proxies) -> None:
    """Start a pod that no declaration names, in the namespace of the services."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": PLANTED, "namespace": "sensors"}}
    deployment = json.loads(kubectl(place.kubeconfig, "get", "deployment", "rules", "-n", "sensors", "-o", "json"))
    planted = copy.deepcopy(deployment)
    labels = {"app.kubernetes.io/name": PLANTED}
    planted["metadata"] = {"name": PLANTED, "namespace": "sensors"}
    planted["spec"]["selector"] = {"matchLabels": labels}
    planted["spec"]["template"]["metadata"]["labels"] = labels
    planted["spec"]["template"]["spec"]["serviceAccountName"] = PLANTED
    planted.pop("status")
    apply(place.kubeconfig, [account, planted])


def declared_callers(graph: Graph, name: str) -> set[str]:
    (made,) = [each for each in graph.of("AuthorizationPolicy") if each.inputs["metadata"]["name"] == name]
    return {
        who for rule in made.inputs["spec"]["rules"] for each in rule["from"] for who in each["source"]["principals"]
    }


def test_its_charts_make_what_is_counted_with_and_read_what_is_given(tmp_path: Path) -> None:
    """What `nox -s charts` checks of every chart, where it can fetch them."""
    graph, version = mesh_graph(STACK), environment_config(STACK).cluster.version
    helm = Helm(tmp_path / "cache", istio.mirror(tmp_path / "mirror"))
    of_istio = [made for made in installed(graph) if made.chart in istio.FOLDERS]
    assert {made.chart for made in of_istio} == set(istio.FOLDERS)
    for made in of_istio:
        render, rendered = partial(helm.render, made, version, ()), Rendered()
        rendered.add(made.namespace, render())
        assert list(keys.unread(made.values, helm.folder(made), render)) == [], made.chart
        assert list(checks.of_objects(rendered)) == [], made.chart
        assert list(checks.of_workloads(rendered, made)) == [], made.chart


def test_a_wrong_object_is_refused_by_the_webhook(place: Proxies) -> None:
    """So those that were accepted were looked at."""
    graph = mesh_graph(STACK)
    (route,) = [
        made
        for _, made in declared_objects(graph)
        if made["kind"] == "VirtualService" and made["metadata"]["name"] == "api"
    ]
    wrong = copy.deepcopy(dict(route))
    wrong["spec"]["http"][0]["route"][0]["destination"]["host"] = ""
    assert "admission webhook" in place.refused(wrong)


def test_istioctl_finds_nothing_to_say(place: Proxies) -> None:
    assert place.istiod.analyze("sensors") == []
    assert place.istiod.analyze("istio-system") == []


def test_each_workload_hears_exactly_its_declared_callers_and_nobody_without_an_identity(place: Proxies) -> None:
    graph = mesh_graph(STACK)

    def all_are_in_the_mesh() -> bool:
        place.take_in(MEMBERS)  # an autoscaler starts more of them
        workloads = place.told_to_ztunnel().workloads
        return all(workloads[f"sensors/{name}"].tunnel_protocol == xds.HBONE for name in SERVERS)

    eventually(all_are_in_the_mesh)
    told = place.told_to_ztunnel()
    accounts = {f"cluster.local/ns/{made.namespace}/sa/{made.service_account}" for made in told.workloads.values()}
    accounts |= {who for name in SERVERS for who in declared_callers(graph, name)}
    assert f"cluster.local/ns/sensors/sa/{PLANTED}" in accounts
    for name, server in SERVERS.items():
        called = f"sensors/{name}"
        assert not told.hears(called, "", server.port), f"{name} hears who proves nothing"
        heard = {who for who in accounts if told.hears(called, who, server.port)}
        assert heard == declared_callers(graph, name)
        assert not any(told.hears(called, who, server.port + 1) for who in accounts), "another port"


def test_who_is_planted_is_heard_by_nobody_and_hears_nobody(place: Proxies) -> None:
    told = place.told_to_ztunnel()
    planted = f"cluster.local/ns/sensors/sa/{PLANTED}"
    for name, server in SERVERS.items():
        assert not told.hears(f"sensors/{name}", planted, server.port)
        assert not told.hears(f"sensors/{PLANTED}", f"cluster.local/ns/sensors/sa/{name}", 8000)


def test_the_gateway_hears_the_load_balancer_and_sends_each_path_to_its_service(place: Proxies) -> None:
    told = place.told_to_gateway()
    (listener,) = [
        made["activeState"]["listener"]
        for made in told["ListenersConfigDump"]["dynamicListeners"]
        if _port(made["activeState"]["listener"]) == INGRESS_PORT
    ]
    rules = json.dumps(listener)
    subnets = {block for policy in _blocks(mesh_graph(STACK)) for block in policy}
    assert subnets
    for subnet in subnets:
        address, _, length = subnet.partition("/")
        assert f'"addressPrefix": "{address}", "prefixLen": {length}' in rules
    assert "envoy.filters.http.rbac" in rules
    led = routes(told)
    to = {
        next(
            iter(
                route["match"].get(kind) for kind in ("path", "pathSeparatedPrefix", "prefix") if kind in route["match"]
            )
        ): route["route"]["cluster"]
        for route in led
    }
    assert to == {
        "/api": "outbound|8000||api.sensors.svc.cluster.local",
        "/api/": "outbound|8000||api.sensors.svc.cluster.local",
        "/ingest": "outbound|8000||gateway.sensors.svc.cluster.local",
        "/ingest/": "outbound|8000||gateway.sensors.svc.cluster.local",
        "/": "outbound|8080||dashboard.sensors.svc.cluster.local",
    }
    assert led[-1]["match"]["prefix"] == "/", "whatever no other path takes"


def test_a_canary_gets_the_share_that_its_controller_writes(place: Proxies) -> None:
    (route,) = [
        made
        for _, made in declared_objects(mesh_graph(STACK, "canary"))
        if made["kind"] == "VirtualService" and made["metadata"]["name"] == "api"
    ]
    service = json.loads(kubectl(place.kubeconfig, "get", "service", "api", "-n", "sensors", "-o", "json"))
    preview = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "api-preview", "namespace": "sensors"},
        "spec": {
            "selector": service["spec"]["selector"],
            "ports": [{"name": "http", "port": 8000, "targetPort": "http"}],
        },
    }
    turned = copy.deepcopy(dict(route))
    for to, percent in zip(turned["spec"]["http"][0]["route"], (75, 25), strict=True):
        to["weight"] = percent
    apply(place.kubeconfig, [preview, turned])

    eventually(lambda: place.shares("/api/") == {"api": 75, "api-preview": 25})
    assert place.istiod.analyze("sensors") == []


def _blocks(graph: Graph) -> Iterator[list[str]]:
    for made in graph.of("AuthorizationPolicy"):
        for rule in made.inputs["spec"].get("rules", []):
            yield from (each["source"].get("ipBlocks", []) for each in rule["from"])


def _port(listener: dict[str, Any]) -> int | None:
    """The port of a listener; one that only the proxy itself connects to has none."""
    port: int | None = listener.get("address", {}).get("socketAddress", {}).get("portValue")
    return port
