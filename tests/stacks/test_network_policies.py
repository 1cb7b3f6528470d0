"""Who may call whom in the cluster: whoever declares a need of it, and nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.catalog import CATALOG
from apps.platform.needs import (
    CallService,
    Connect,
    Consume,
    HttpCall,
    KeepFiles,
    MeasureDatabase,
    Need,
    OwnDatabase,
    Produce,
    ReadFiles,
    RotateSecret,
    SignIn,
)
from apps.resources import ALERTMANAGER, PROMETHEUS, PUSHGATEWAY
from components.observability.network_policies import CONNECTIONS
from delivery.recording import Graph
from tests.stacks.stacks_under_test import environment_config, graph_in_pods

STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])
DNS, TRACES = 53, 4318


@pytest.fixture
def graph(stack: str) -> Graph:
    return graph_in_pods(stack)


@STACKS
def test_a_pod_may_connect_where_its_needs_lie_and_nowhere_else(graph: Graph, stack: str) -> None:
    ports = {}
    for policy in graph.of("NetworkPolicy"):
        egress = policy.inputs["spec"].get("egress") or []
        ports[policy.name] = {port["port"] for rule in egress for port in rule.get("ports", ())}
    for declaration in CATALOG.processes:
        wanted = {port for need in declaration.needs for port in ports_of(need)}
        if environment_config(stack).ingress.login and any(isinstance(need, SignIn) for need in declaration.needs):
            wanted |= {443}  # where people sign in
        assert ports[declaration.name] == {DNS, TRACES} | wanted, declaration.name
    assert ports["sensors-default-deny"] == set()


def ports_of(need: Need) -> set[int]:
    """Where a process connects for what it needs; the Pod Identity agent, on port 80, gives it its credentials."""
    match need:
        case Produce() | Consume() | RotateSecret() | KeepFiles() | ReadFiles():
            return {443, 80}
        case MeasureDatabase():
            return {5432, 443, 80}
        case Connect():
            return {5432, 80}
        case OwnDatabase():
            return {5432}
        case HttpCall(resource=endpoint):
            return {{ALERTMANAGER: 9093, PROMETHEUS: 9090, PUSHGATEWAY: 9091}[endpoint]}
        case CallService(resource=service):
            return {server.port for server in CATALOG.servers if server.name == service.name}
    return set()


@STACKS
def test_only_public_services_hear_the_load_balancer(graph: Graph) -> None:
    policies = {resource.name: resource.inputs["spec"] for resource in graph.of("NetworkPolicy")}

    def sources(name: str) -> list[dict[str, Any]]:
        of_it = (policies[name], policies.get(f"{name}-load-balancer", {}))
        return [peer for policy in of_it for rule in policy.get("ingress") or [] for peer in rule["from"]]

    for declaration in CATALOG.declarations:
        from_outside = [peer for peer in sources(declaration.name) if "ipBlock" in peer]
        assert bool(from_outside) == bool(getattr(declaration, "public", ())), declaration.name
    assert sources("detector") == []


def rules(graph: Graph, direction: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every rule of every policy in one direction (`ingress`, `egress`), with the policy's name."""
    for policy in graph.of("NetworkPolicy"):
        for rule in policy.inputs["spec"].get(direction) or []:
            yield policy.name, rule


@STACKS
def test_no_policy_of_any_namespace_opens_every_port_or_every_peer(graph: Graph) -> None:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        found = list(rules(graph, direction))
        assert found
        for name, rule in found:
            assert rule.get("ports"), f"{name} opens every port"
            assert rule.get(peers), f"{name} opens to everybody"
            assert all(rule[peers]), f"{name} opens to everybody"


@STACKS
def test_nothing_but_who_declares_it_reaches_the_database(graph: Graph) -> None:
    declaring = {
        process.name for process in CATALOG.processes if {5432} & {p for need in process.needs for p in ports_of(need)}
    }
    reaching = {name for name, rule in rules(graph, "egress") if 5432 in {port["port"] for port in rule["ports"]}}
    assert reaching == declaring


def callers(graph: Graph, program: str) -> dict[str, set[int]]:
    """Who may call a program of the monitoring namespace, by name or namespace, and on which ports."""
    found: dict[str, set[int]] = {}
    policy = graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", f"monitoring-{program}")
    for rule in policy.inputs["spec"]["ingress"]:
        for peer in rule["from"]:
            namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            name = peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name", f"all {namespace}")
            found.setdefault(name, set()).update(port["port"] for port in rule["ports"])
    return found


@STACKS
def test_logs_and_traces_are_read_by_grafana_alone_and_services_only_write_traces_and_metrics(graph: Graph) -> None:
    assert callers(graph, "loki") == {"prometheus": {3100}, "opentelemetry-collector": {3100}, "grafana": {3100}}
    assert callers(graph, "tempo") == {"prometheus": {3200}, "opentelemetry-collector": {4317}, "grafana": {3200}}
    assert callers(graph, "grafana") == {"prometheus": {3000}}
    assert callers(graph, "prometheus")["all sensors"] == {9090}
    assert callers(graph, "prometheus-pushgateway")["all sensors"] == {9091}
    assert callers(graph, "opentelemetry-collector")["all sensors"] == {4318}


@STACKS
def test_every_way_between_programs_is_open_at_both_ends(graph: Graph) -> None:
    policies = {policy.name: policy.inputs["spec"] for policy in graph.of("NetworkPolicy")}
    for connection in CONNECTIONS:
        out = [
            port["port"]
            for rule in policies[f"monitoring-{connection.source}"]["egress"]
            for peer in rule["to"]
            if peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name") == connection.target
            for port in rule["ports"]
        ]
        assert connection.port in out
        assert connection.port in callers(graph, connection.target)[connection.source]


@STACKS
def test_prometheus_reaches_the_metrics_of_every_service(graph: Graph) -> None:
    ports = {
        port["port"]
        for name, rule in rules(graph, "egress")
        if name == "monitoring-prometheus"
        for port in rule["ports"]
    }
    assert {server.port for server in CATALOG.servers if server.scraped} <= ports
