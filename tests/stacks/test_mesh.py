"""A mesh: who may call whom follows from the declarations, as in network policies; from outside leads one gateway."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.catalog import CATALOG
from apps.notifier.service import NOTIFIER
from apps.platform.declaration import Server
from apps.smoke.service import SMOKE_TEST
from components.observability.network_policies import MESHED
from components.workload.config import ForecastsConfig
from components.workload.istio import INGRESS, INGRESS_PORT
from delivery.cost.placement import place
from delivery.cost.workloads import workloads
from delivery.recording import Graph
from policy.check import Resource, violations
from policy.checks import ALL
from tests.stacks.stacks_under_test import environment_config, environment_graph, graph_in_pods, mesh_graph

STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])
HBONE = 15008
PROBES = "169.254.7.127/32"
NAME = "app.kubernetes.io/name"
SERVERS = {server.name for server in CATALOG.servers}


def names(graph: Graph, kind: str) -> set[str]:
    return {resource.name for resource in graph.of(kind)}


def spec(graph: Graph, kind: str, name: str) -> dict[str, Any]:
    (resource,) = [found for found in graph.of(kind) if found.inputs["metadata"]["name"] == name]
    found: dict[str, Any] = resource.inputs["spec"]
    return found


def allowed(graph: Graph, name: str) -> set[str]:
    """Who may call a workload, as namespace/account."""
    rules = spec(graph, "AuthorizationPolicy", name)["rules"]
    principals = [who for rule in rules for source in rule["from"] for who in source["source"]["principals"]]
    return {who.removeprefix("cluster.local/ns/").replace("/sa/", "/") for who in principals}


def peers(graph: Graph, name: str) -> Iterator[tuple[dict[str, Any], set[int]]]:
    """Whom the network policy of a workload lets in, and on which ports."""
    policy = graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", name).inputs["spec"]
    for rule in policy["ingress"]:
        for peer in rule["from"]:
            yield peer, {int(port["port"]) for port in rule["ports"]}


@STACKS
def test_without_it_nothing_of_it_is_there(stack: str) -> None:
    graph = environment_graph(stack)
    kinds = ("PeerAuthentication", "AuthorizationPolicy", "VirtualService", "Gateway")
    assert [resource.name for kind in kinds for resource in graph.of(f"kubernetes:{kind}")] == []
    assert {"istiod", "cni", "ztunnel", "gateway"}.isdisjoint(
        {resource.inputs["chart"] for resource in graph.of("Release")}
    )
    assert "15008" not in str([resource.inputs for resource in graph.of("NetworkPolicy")])


@STACKS
def test_who_proves_nothing_and_who_is_not_named_is_not_heard(stack: str) -> None:
    graph = mesh_graph(stack)
    assert graph.one("PeerAuthentication").inputs["spec"] == {"mtls": {"mode": "STRICT"}}
    assert spec(graph, "AuthorizationPolicy", "nobody") == {}
    namespace = graph.one("kubernetes:core/v1:Namespace", "sensors").inputs["metadata"]["labels"]
    assert namespace["istio.io/dataplane-mode"] == "ambient"


@STACKS
def test_those_may_call_who_declare_it_and_those_whose_work_it_is(stack: str) -> None:
    graph = mesh_graph(stack)
    for server in CATALOG.servers:
        expected = {f"sensors/{caller}" for caller in CATALOG.callers(server)}
        if server.scraped:
            expected.add("monitoring/kube-prometheus-stack-prometheus")
        if server.name == NOTIFIER.name:
            expected.add("monitoring/kube-prometheus-stack-alertmanager")
        if server.public:
            expected.add(f"sensors/{INGRESS}")
        assert allowed(graph, server.name) == expected, server.name
        (rule,) = spec(graph, "AuthorizationPolicy", server.name)["rules"]
        assert rule["to"] == [{"operation": {"ports": [str(server.port)]}}]


def test_who_tries_a_version_is_let_in_too() -> None:
    graph = mesh_graph("prod", "canary")
    tried = {server.name for server in CATALOG.servers if f"sensors/{SMOKE_TEST.name}" in allowed(graph, server.name)}
    assert tried == {"api", "dashboard", "gateway"}
    assert allowed(graph, "argo-rollouts") == {"monitoring/kube-prometheus-stack-prometheus"}


@STACKS
def test_a_policy_is_of_the_pods_that_the_network_policy_is_of(stack: str) -> None:
    graph = mesh_graph(stack)
    for server in CATALOG.servers:
        network = graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", server.name).inputs["spec"]["podSelector"]
        assert spec(graph, "AuthorizationPolicy", server.name)["selector"] == network


@STACKS
def test_network_policies_still_hold_and_let_the_tunnel_and_the_kubelet_through(stack: str) -> None:
    graph = mesh_graph(stack)
    for server in CATALOG.servers:
        for peer, ports in peers(graph, server.name):
            if "ipBlock" in peer:
                assert (peer["ipBlock"]["cidr"], ports) == (PROBES, {server.port}), server.name
            else:
                assert ports == {HBONE, server.port}, server.name
        assert f"{server.name}-load-balancer" not in names(graph, "NetworkPolicy")
    for program in MESHED:
        assert PROBES in {peer.get("ipBlock", {}).get("cidr") for peer, _ in peers(graph, f"monitoring-{program}")}
    scraping = graph.one("NetworkPolicy", "monitoring-prometheus").inputs["spec"]["egress"]
    assert HBONE in {port["port"] for rule in scraping for port in rule["ports"]}


@STACKS
def test_what_is_outside_is_called_as_before(stack: str) -> None:
    """The database, AWS and the collector of each node: no tunnel leads there."""
    with_, without = mesh_graph(stack), graph_in_pods(stack)
    for declaration in CATALOG.processes:
        reachable = [
            {
                (str(peer.get("ipBlock") or peer["podSelector"]), port["port"])
                for rule in graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", declaration.name).inputs["spec"][
                    "egress"
                ]
                for peer in rule["to"]
                for port in rule["ports"]
            }
            for graph in (with_, without)
        ]
        assert reachable[0] >= reachable[1], declaration.name
        assert {port for _, port in reachable[0] - reachable[1]} <= {HBONE}, declaration.name


@STACKS
def test_the_load_balancer_reaches_the_gateway_and_no_pod_of_a_service(stack: str) -> None:
    graph = mesh_graph(stack)
    bindings = [resource.inputs["spec"] for resource in graph.of("TargetGroupBinding")]
    assert {spec["serviceRef"]["name"] for spec in bindings} == {INGRESS}
    checks = [resource.inputs["healthCheck"] for resource in graph.of("TargetGroup")]
    assert {(check["path"], check["port"]) for check in checks} == {("/healthz/ready", "15021")}
    (rule,) = spec(graph, "AuthorizationPolicy", INGRESS)["rules"]
    subnets = {peer["ipBlock"]["cidr"] for peer, _ in peers(graph, INGRESS)}
    assert set(rule["from"][0]["source"]["ipBlocks"]) == subnets
    assert rule["to"] == [{"operation": {"ports": [str(INGRESS_PORT)]}}]
    opened = {
        int(resource.inputs["toPort"])
        for resource in graph.of("SecurityGroupIngressRule")
        if "to-pods" in resource.name
    }
    assert opened == {INGRESS_PORT, 15021}


@STACKS
def test_each_service_gets_its_public_paths_from_the_gateway_and_no_other(stack: str) -> None:
    graph = mesh_graph(stack)
    assert names(graph, "VirtualService") == {server.name for server in CATALOG.servers if server.public}
    for server in CATALOG.servers:
        if server.public:
            (route,) = spec(graph, "VirtualService", server.name)["http"]
            assert {next(iter(match["uri"].values())) for match in route["match"]} == set(paths(server)), server.name
            assert [to["destination"]["host"] for to in route["route"]] == [f"{server.name}.sensors.svc.cluster.local"]


def paths(server: Server) -> Iterator[str]:
    for prefix in server.public:
        yield from ["/"] if prefix == "/" else [prefix, f"{prefix}/"]


def test_a_canary_gets_its_exact_share_by_the_routes_that_its_controller_turns() -> None:
    graph = mesh_graph("prod", "canary")
    for name in ("api", "dashboard", "gateway"):
        canary = spec(graph, "Rollout", name)["strategy"]["canary"]
        assert (canary["stableService"], canary["canaryService"]) == (name, f"{name}-preview")
        turned = canary["trafficRouting"]["istio"]["virtualService"]
        (route,) = spec(graph, "VirtualService", turned["name"])["http"]
        assert turned["routes"] == [route["name"]]
        hosts = {to["destination"]["host"].partition(".")[0]: to["weight"] for to in route["route"]}
        assert hosts == {name: 100, f"{name}-preview": 0}
        assert f"{name}-preview" in names(graph, "kubernetes:core/v1:Service")
    assert "trafficRouting" not in spec(graph, "Rollout", "ingestor")["strategy"]["canary"]
    routers = graph.one("Release", "rollouts").inputs["values"]["providerRBAC"]["providers"]
    assert [name for name, on in routers.items() if on] == ["istio"]


def test_what_is_switched_at_once_has_one_place_to_go() -> None:
    (route,) = spec(mesh_graph("prod", "blue_green"), "VirtualService", "api")["http"]
    assert [to["weight"] for to in route["route"]] == [100]


@STACKS
def test_whoever_calls_services_is_in_the_mesh_with_an_identity(stack: str) -> None:
    graph = mesh_graph(stack)
    values = graph.one("Release", "prometheus").inputs["values"]
    label = {"istio.io/dataplane-mode": "ambient"}
    assert values["prometheus"]["prometheusSpec"]["podMetadata"] == {"labels": label}
    assert values["alertmanager"]["alertmanagerSpec"]["podMetadata"] == {"labels": label}
    assert graph.one("Release", "pushgateway").inputs["values"]["podLabels"] == label


@STACKS
def test_members_are_heard_only_once_the_gateway_takes_what_comes_from_outside(stack: str) -> None:
    graph = mesh_graph(stack)
    strict, gateway = graph.one("PeerAuthentication"), graph.one("Release", "ingress-gateway")
    assert all(graph.waits_for(resource, gateway) for resource in graph.of("TargetGroupBinding"))
    assert all(graph.waits_for(strict, resource) for resource in graph.of("TargetGroupBinding"))
    assert all(graph.waits_for(resource, strict) for resource in graph.of("Deployment"))
    assert all(
        graph.waits_for(resource, strict) for resource in graph.of("AuthorizationPolicy") if resource.name in SERVERS
    )


@STACKS
def test_pods_are_taken_in_when_there_is_what_encrypts_for_them_and_called_in_both_ways_at_once(stack: str) -> None:
    """As they must be where it is switched on while they run."""
    graph = mesh_graph(stack)
    namespace = graph.one("kubernetes:core/v1:Namespace", "sensors")
    assert all(graph.waits_for(namespace, graph.one("Release", f"istio-{name}")) for name in ("cni", "ztunnel"))
    gateway = graph.one("Release", "ingress-gateway")
    for name in SERVERS:
        policy = graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", name)
        assert graph.waits_for(policy, namespace)
        assert not graph.waits_for(policy, gateway), "it would be told of the tunnel after the pods are in it"


@STACKS
def test_switched_on_or_off_it_replaces_nothing_that_the_load_balancer_needs(stack: str) -> None:
    """No binding may be led to another target group, so the group stays, whatever takes what it sends."""
    with_, without = (
        {
            resource.name: {key: value for key, value in resource.inputs.items() if key != "healthCheck"}
            for resource in graph.of("TargetGroup")
        }
        for graph in (mesh_graph(stack), environment_graph(stack))
    )
    assert with_ == without
    bindings = [
        {resource.name: {**resource.inputs["spec"], "serviceRef": None} for resource in graph.of("TargetGroupBinding")}
        for graph in (mesh_graph(stack), environment_graph(stack))
    ]
    assert bindings[0] == bindings[1]


@STACKS
def test_no_check_of_what_may_be_deployed_is_broken(stack: str) -> None:
    before = {found.check for found in violations(ALL, _resources(graph_in_pods(stack)), production=True)}
    assert {found.check for found in violations(ALL, _resources(mesh_graph(stack)), production=True)} <= before


@STACKS
def test_it_has_a_place(stack: str) -> None:
    """On the nodes that there may be, where forecasts are made beside them: for their pod too dev's have no memory."""
    graph, config = mesh_graph(stack, forecasts=ForecastsConfig()), environment_config(stack)
    found = {workload.name: workload for workload in workloads(graph)}
    assert found["Deployment istiod"].replicas == found[f"Deployment {INGRESS}"].replicas
    assert found["DaemonSet ztunnel"].on_every_node
    assert found["DaemonSet istio-cni-node"].on_every_node
    for at_most in (False, True):
        assert place(list(found.values()), config.cluster.nodes, at_most=at_most).nodes <= config.cluster.nodes.maximum


def test_a_canary_whose_requests_are_split_takes_room_for_all_its_pods_twice() -> None:
    found = {workload.name: workload for workload in workloads(mesh_graph("prod", "canary"))}
    assert found["api"].surge == found["api"].replicas
    assert found["ingestor"].surge == 1


def _resources(graph: Graph) -> list[Resource]:
    return [
        Resource(resource.type, resource.name, resource.inputs, identity=frozenset()) for resource in graph.resources
    ]
