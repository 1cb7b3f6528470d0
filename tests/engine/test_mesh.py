"""A mesh by Istio's real control plane: its charts and webhooks, and what it tells the proxies of each workload.

The API server is real, and all objects of an environment with a mesh stand in it. Pods are played, and who takes them
into the mesh is, too. No proxy runs here: test_mesh_traffic.py sends requests through one.
"""

import copy
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.workload.istio import INGRESS_PORT
from delivery.charts import checks, keys
from delivery.charts.checks import Rendered
from delivery.charts.helm import Helm, installed
from delivery.charts.server import declared_objects
from delivery.recording import Graph
from tests.stacks.stacks_under_test import environment_config, mesh_graph
from tests.support import istio, mesh, xds
from tests.support.istio import apply, eventually
from tests.support.mesh import MEMBERS, PLANTED, SERVERS, STACK
from tests.support.proxies import Proxies, routes
from tests.support.rollouts import kubectl

LACKING = istio.missing()

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    with mesh.running(tmp_path_factory.mktemp("mesh")) as running:
        yield running


def declared_callers(graph: Graph, name: str) -> set[str]:
    (policy,) = [policy for policy in graph.of("AuthorizationPolicy") if policy.inputs["metadata"]["name"] == name]
    return {
        who
        for rule in policy.inputs["spec"]["rules"]
        for source in rule["from"]
        for who in source["source"]["principals"]
    }


def test_its_charts_make_what_is_counted_with_and_read_what_is_given(tmp_path: Path) -> None:
    """What `nox -s charts` checks of every chart, where it can fetch them."""
    graph, version = mesh_graph(STACK), environment_config(STACK).cluster.version
    helm = Helm(tmp_path / "cache", istio.mirror(tmp_path / "mirror"))
    of_istio = [chart for chart in installed(graph) if chart.chart in istio.FOLDERS]
    assert {chart.chart for chart in of_istio} == set(istio.FOLDERS)
    for chart in of_istio:
        render, rendered = partial(helm.render, chart, version, ()), Rendered()
        rendered.add(chart.namespace, render())
        assert list(keys.unread(chart.values, helm.folder(chart), render)) == [], chart.chart
        assert list(checks.of_objects(rendered)) == [], chart.chart
        assert list(checks.of_workloads(rendered, chart)) == [], chart.chart


def test_a_wrong_object_is_refused_by_the_webhook(proxies: Proxies) -> None:
    """So those that were accepted were looked at."""
    graph = mesh_graph(STACK)
    (route,) = [
        manifest
        for _, manifest in declared_objects(graph)
        if manifest["kind"] == "VirtualService" and manifest["metadata"]["name"] == "api"
    ]
    wrong = copy.deepcopy(dict(route))
    wrong["spec"]["http"][0]["route"][0]["destination"]["host"] = ""
    assert "admission webhook" in proxies.refused(wrong)


def test_istioctl_finds_nothing_to_say(proxies: Proxies) -> None:
    assert proxies.istiod.analyze("sensors") == []
    assert proxies.istiod.analyze("istio-system") == []


def test_each_workload_hears_exactly_its_declared_callers_and_nobody_without_an_identity(proxies: Proxies) -> None:
    graph = mesh_graph(STACK)

    def all_are_in_the_mesh() -> bool:
        proxies.take_in(MEMBERS)  # an autoscaler starts more of them
        workloads = proxies.told_to_ztunnel().workloads
        return all(workloads[f"sensors/{name}"].tunnel_protocol == xds.HBONE for name in SERVERS)

    eventually(all_are_in_the_mesh)
    ztunnel = proxies.told_to_ztunnel()
    accounts = {
        f"cluster.local/ns/{workload.namespace}/sa/{workload.service_account}"
        for workload in ztunnel.workloads.values()
    }
    accounts |= {who for name in SERVERS for who in declared_callers(graph, name)}
    assert f"cluster.local/ns/sensors/sa/{PLANTED}" in accounts
    for name, server in SERVERS.items():
        called = f"sensors/{name}"
        assert not ztunnel.hears(called, "", server.port), f"{name} hears who proves nothing"
        callers = {who for who in accounts if ztunnel.hears(called, who, server.port)}
        assert callers == declared_callers(graph, name)
        assert not any(ztunnel.hears(called, who, server.port + 1) for who in accounts), "another port"


def test_who_is_planted_is_heard_by_nobody_and_hears_nobody(proxies: Proxies) -> None:
    ztunnel = proxies.told_to_ztunnel()
    planted = f"cluster.local/ns/sensors/sa/{PLANTED}"
    for name, server in SERVERS.items():
        assert not ztunnel.hears(f"sensors/{name}", planted, server.port)
        assert not ztunnel.hears(f"sensors/{PLANTED}", f"cluster.local/ns/sensors/sa/{name}", 8000)


def test_the_gateway_hears_the_load_balancer_and_sends_each_path_to_its_service(proxies: Proxies) -> None:
    dump = proxies.told_to_gateway()
    (listener,) = [
        entry["activeState"]["listener"]
        for entry in dump["ListenersConfigDump"]["dynamicListeners"]
        if _port(entry["activeState"]["listener"]) == INGRESS_PORT
    ]
    rules = json.dumps(listener)
    subnets = {block for policy in _blocks(mesh_graph(STACK)) for block in policy}
    assert subnets
    for subnet in subnets:
        address, _, length = subnet.partition("/")
        assert f'"addressPrefix": "{address}", "prefixLen": {length}' in rules
    assert "envoy.filters.http.rbac" in rules
    led = routes(dump)
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


def test_a_canary_gets_the_share_that_its_controller_writes(proxies: Proxies) -> None:
    (route,) = [
        manifest
        for _, manifest in declared_objects(mesh_graph(STACK, "canary"))
        if manifest["kind"] == "VirtualService" and manifest["metadata"]["name"] == "api"
    ]
    service = json.loads(kubectl(proxies.kubeconfig, "get", "service", "api", "-n", "sensors", "-o", "json"))
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
    apply(proxies.kubeconfig, [preview, turned])

    eventually(lambda: proxies.shares("/api/") == {"api": 75, "api-preview": 25})
    assert proxies.istiod.analyze("sensors") == []


def _blocks(graph: Graph) -> Iterator[list[str]]:
    for policy in graph.of("AuthorizationPolicy"):
        for rule in policy.inputs["spec"].get("rules", []):
            yield from (source["source"].get("ipBlocks", []) for source in rule["from"])


def _port(listener: dict[str, Any]) -> int | None:
    """The port of a listener; one that only the proxy itself connects to has none."""
    port: int | None = listener.get("address", {}).get("socketAddress", {}).get("portValue")
    return port
