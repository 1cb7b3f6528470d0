"""Who may call whom in the cluster: whoever declares a need of it, and nobody else."""

from typing import Any

import pytest

from apps.catalog import CATALOG
from apps.platform.needs import CallService, Connect, Consume, HttpCall, Need, OwnDatabase, Produce, RotateSecret
from apps.resources import PROMETHEUS, PUSHGATEWAY
from delivery.recording import Graph
from tests.stacks.stacks_under_test import environment_graph

STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])
DNS, TRACES = 53, 4318


@pytest.fixture
def graph(stack: str) -> Graph:
    return environment_graph(stack)


@STACKS
def test_a_pod_may_connect_where_its_needs_lie_and_nowhere_else(graph: Graph) -> None:
    ports = {}
    for made in graph.of("NetworkPolicy"):
        egress = made.inputs["spec"].get("egress") or []
        ports[made.name] = {port["port"] for rule in egress for port in rule.get("ports", ())}
    for declaration in CATALOG.processes:
        wanted = {port for need in declaration.needs for port in ports_of(need)}
        assert ports[declaration.name] == {DNS, TRACES} | wanted, declaration.name
    assert ports["sensors-default-deny"] == set()


def ports_of(need: Need) -> set[int]:
    """Where a process connects for what it needs; the Pod Identity agent, on port 80, gives it its credentials."""
    match need:
        case Produce() | Consume() | RotateSecret():
            return {443, 80}
        case Connect():
            return {5432, 80}
        case OwnDatabase():
            return {5432}
        case HttpCall(resource=endpoint):
            return {{PROMETHEUS: 9090, PUSHGATEWAY: 9091}[endpoint]}
        case CallService(resource=service):
            return {server.port for server in CATALOG.servers if server.name == service.name}
    return set()


@STACKS
def test_only_public_services_hear_the_load_balancer(graph: Graph) -> None:
    def sources(name: str) -> list[dict[str, Any]]:
        ingress = graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", name).inputs["spec"].get("ingress") or []
        return [peer for rule in ingress for peer in rule["from"]]

    for declaration in CATALOG.declarations:
        from_outside = [peer for peer in sources(declaration.name) if "ipBlock" in peer]
        assert bool(from_outside) == bool(getattr(declaration, "public", ())), declaration.name
    assert sources("detector") == []
