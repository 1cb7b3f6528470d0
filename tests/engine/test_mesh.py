"""A mesh by Istio's real control plane: its charts and webhooks, and what it tells the proxies of each workload.

The API server is real, and all objects of an environment with a mesh stand in it. Pods are played, and who takes them
into the mesh is, too. No proxy runs: what istiod tells one is judged here by the rules of ztunnel (its src/rbac.rs).
"""

import copy
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import CATALOG
from components.workload.istio import CONTROL_PLANE, INGRESS, INGRESS_PORT
from delivery.charts.helm import Helm, installed
from delivery.charts.server import declared_objects
from delivery.recording import Graph
from tests.stacks.stacks_under_test import environment_config, mesh_graph
from tests.support import control_plane, istio, xds
from tests.support.istio import Istiod, apply, eventually
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
ROUTES = f"http.{INGRESS_PORT}"
"""What the gateway calls the routes of the port that the load balancer calls."""
ALLOW, NAMESPACE_WIDE = 0, 1


@dataclass(slots=True)
class Told:
    """What the proxy of a node knows."""

    workloads: dict[str, Any] = field(default_factory=dict)
    """By namespace and name of the Deployment."""
    policies: dict[str, Any] = field(default_factory=dict)

    def hears(self, workload: str, principal: str, port: int) -> bool:
        """Whether a workload hears a caller; who proves nothing has no principal."""
        called = self.workloads[workload]
        of_all = [
            name
            for name, made in self.policies.items()
            if made.namespace in ("", called.namespace) and made.scope <= NAMESPACE_WIDE
        ]
        known = [self.policies[name] for name in (*of_all, *called.authorization_policies)]
        if any(_applies(made, principal, port) for made in known if made.action != ALLOW):
            return False
        allowing = [made for made in known if made.action == ALLOW]
        return not allowing or any(_applies(made, principal, port) for made in allowing)


def _applies(policy: Any, principal: str, port: int) -> bool:
    assert not policy.dry_run
    return any(
        all(any(_meets(match, principal, port) for match in rule.matches) or not rule.matches for rule in group.rules)
        for group in policy.groups
    )


def _meets(match: Any, principal: str, port: int) -> bool:
    known = {"principals", "not_principals", "destination_ports", "not_destination_ports"}
    said = {found.name for found, _ in match.ListFields()}
    assert said <= known, f"a match that is not read here: {said}"
    who = [_is(text, principal) for text in match.principals]
    others = [_is(text, principal) for text in match.not_principals]
    return (
        bool(said)
        and (not who or any(who))
        and not any(others)
        and (not match.destination_ports or port in match.destination_ports)
        and port not in match.not_destination_ports
    )


def _is(text: Any, principal: str) -> bool:
    if text.HasField("presence"):
        return bool(principal)
    assert not text.prefix, "a prefix is not read here"
    assert not text.suffix, "a suffix is not read here"
    return bool(text.exact == principal)


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster with a mesh, in which the objects of an environment are."""

    istiod: Istiod
    kubeconfig: Path

    def told_to_ztunnel(self) -> Told:
        metadata = {"NAMESPACE": "istio-system", "NODE_NAME": "node-0"}
        node = "ztunnel~10.0.0.1~ztunnel-0.istio-system~istio-system.svc.cluster.local"
        told = Told()
        every = {xds.ADDRESS: "*", xds.AUTHORIZATION: "*"}
        with xds.connected(self.istiod.xds, node, metadata, every) as answers:
            for address in answers[xds.ADDRESS]:
                if address.HasField("workload"):
                    made = address.workload
                    called = f"{made.namespace}/{made.workload_name}"
                    # Of several pods, one that is not in the mesh.
                    if called not in told.workloads or made.tunnel_protocol != xds.HBONE:
                        told.workloads[called] = made
            told.policies = {f"{made.namespace}/{made.name}": made for made in answers[xds.AUTHORIZATION]}
        return told

    def told_to_gateway(self) -> dict[str, Any]:
        """Envoy's configuration of the gateway, by its parts."""
        (pod, *_) = self.pods(f"app.kubernetes.io/name={INGRESS}")
        name = pod["metadata"]["name"]
        metadata = {
            "NAMESPACE": "sensors",
            "SERVICE_ACCOUNT": INGRESS,
            "LABELS": pod["metadata"]["labels"],
            "ISTIO_VERSION": CONTROL_PLANE.version,
            "ENABLE_HBONE": "true",
        }
        node = f"router~{pod['status']['podIP']}~{name}.sensors~sensors.svc.cluster.local"
        asked = {xds.CLUSTER: "*", xds.LISTENER: "*", xds.ROUTE: ROUTES}
        with xds.connected(self.istiod.xds, node, metadata, asked):
            dump = self.istiod.debug(f"config_dump?proxyID={name}.sensors")
        return {each["@type"].rpartition(".")[2]: each for each in dump["configs"]}

    def pods(self, labels: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            kubectl(self.kubeconfig, "get", "pods", "-n", "sensors", "-l", labels, "-o", "json")
        )["items"]
        return found

    def refused(self, made: dict[str, Any]) -> str:
        """Try an object that must not be accepted, and return what is said."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), "apply", "--dry-run=server", "-f", "-"]
        done = subprocess.run(command, input=json.dumps(made), capture_output=True, text=True, check=False)
        assert done.returncode, done.stdout
        return done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
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
            made = Place(istiod, kubeconfig)
            plant(made)
            take_in(made)
            yield made


def _apply_chart(kubeconfig: Path, rendered: dict[str, list[dict[str, Any]]], names: Sequence[str], place: str) -> None:
    objects = [made for name in names for made in rendered[name] if made["kind"] != "CustomResourceDefinition"]
    apply(kubeconfig, objects, place)


def plant(place: Place) -> None:
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


def take_in(place: Place) -> None:
    """Say of each pod of the namespace that its connections are redirected, as Istio's agent on its node does."""
    expected = {*SERVERS, PLANTED, INGRESS}

    def running() -> bool:
        ready = [pod for pod in place.pods("") if pod["status"].get("podIP") and pod["status"]["phase"] == "Running"]
        return {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in ready} >= expected

    eventually(running)
    members = ("-n", "sensors", "-l", f"app.kubernetes.io/name!={INGRESS}", "--overwrite")
    kubectl(place.kubeconfig, "annotate", "pods", *members, "ambient.istio.io/redirection=enabled")


def declared_callers(graph: Graph, name: str) -> set[str]:
    (made,) = [each for each in graph.of("AuthorizationPolicy") if each.inputs["metadata"]["name"] == name]
    return {
        who for rule in made.inputs["spec"]["rules"] for each in rule["from"] for who in each["source"]["principals"]
    }


def test_a_wrong_object_is_refused_by_the_webhook(place: Place) -> None:
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


def test_istioctl_finds_nothing_to_say(place: Place) -> None:
    assert place.istiod.analyze("sensors") == []
    assert place.istiod.analyze("istio-system") == []


def test_each_workload_hears_exactly_its_declared_callers_and_nobody_without_an_identity(place: Place) -> None:
    graph = mesh_graph(STACK)

    def all_are_in_the_mesh() -> bool:
        take_in(place)  # an autoscaler starts more of them
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


def test_who_is_planted_is_heard_by_nobody_and_hears_nobody(place: Place) -> None:
    told = place.told_to_ztunnel()
    planted = f"cluster.local/ns/sensors/sa/{PLANTED}"
    for name, server in SERVERS.items():
        assert not told.hears(f"sensors/{name}", planted, server.port)
        assert not told.hears(f"sensors/{PLANTED}", f"cluster.local/ns/sensors/sa/{name}", 8000)


def test_the_gateway_hears_the_load_balancer_and_sends_each_path_to_its_service(place: Place) -> None:
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
    routes = _routes(told)
    to = {
        next(
            iter(
                route["match"].get(kind) for kind in ("path", "pathSeparatedPrefix", "prefix") if kind in route["match"]
            )
        ): route["route"]["cluster"]
        for route in routes
    }
    assert to == {
        "/api": "outbound|8000||api.sensors.svc.cluster.local",
        "/api/": "outbound|8000||api.sensors.svc.cluster.local",
        "/ingest": "outbound|8000||gateway.sensors.svc.cluster.local",
        "/ingest/": "outbound|8000||gateway.sensors.svc.cluster.local",
        "/": "outbound|8080||dashboard.sensors.svc.cluster.local",
    }
    assert routes[-1]["match"]["prefix"] == "/", "whatever no other path takes"


def test_a_canary_gets_the_share_that_its_controller_writes(place: Place) -> None:
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

    def shares() -> list[tuple[str, int]]:
        (found,) = [made for made in _routes(place.told_to_gateway()) if made["match"].get("prefix") == "/api/"]
        clusters = found["route"].get("weightedClusters", {}).get("clusters", [])
        return [(each["name"].rpartition("|")[2].partition(".")[0], each["weight"]) for each in clusters]

    eventually(lambda: shares() == [("api", 75), ("api-preview", 25)])
    assert place.istiod.analyze("sensors") == []


def _blocks(graph: Graph) -> Iterator[list[str]]:
    for made in graph.of("AuthorizationPolicy"):
        for rule in made.inputs["spec"].get("rules", []):
            yield from (each["source"].get("ipBlocks", []) for each in rule["from"])


def _port(listener: dict[str, Any]) -> int | None:
    """The port of a listener; one that only the proxy itself connects to has none."""
    port: int | None = listener.get("address", {}).get("socketAddress", {}).get("portValue")
    return port


def _routes(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The routes of the port that the load balancer calls, in their order."""
    (config,) = [
        made["routeConfig"]
        for made in told["RoutesConfigDump"]["dynamicRouteConfigs"]
        if made["routeConfig"]["name"] == ROUTES
    ]
    (host,) = config["virtualHosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found
