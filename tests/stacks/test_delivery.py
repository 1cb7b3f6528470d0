"""How new versions take over in an environment that says so, and that nothing of it is there in one that does not."""

from functools import cache
from typing import Any

import pytest

from apps.catalog import CATALOG
from apps.observability.canaries import indicators
from apps.smoke.service import SMOKE_TEST
from components.workload.config import DeliveryConfig, Strategy
from delivery.cost.placement import place
from delivery.cost.workloads import workloads
from delivery.recording import Graph, build
from policy.check import Resource, violations
from policy.checks import ALL
from stacks import environment
from tests.stacks.stacks_under_test import environment_config, environment_graph

STRATEGIES: tuple[Strategy, ...] = ("canary", "blue_green", "rolling")
REACHED, CONSUMERS = {"gateway", "api", "dashboard"}, {"ingestor", "rules"}
JUDGED = REACHED | CONSUMERS


@cache
def graph_of(strategy: Strategy) -> Graph:
    config = environment_config("prod").model_copy(update={"delivery": DeliveryConfig(strategy=strategy)})
    return build(lambda: environment.deploy(config, "prod"), stack="prod")


def names(graph: Graph, kind: str) -> set[str]:
    return {resource.name for resource in graph.of(kind)}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_without_it_there_is_no_controller_and_nothing_that_it_would_read(stack: str) -> None:
    graph = environment_graph(stack)
    assert names(graph, "Deployment") >= JUDGED
    assert names(graph, "Rollout") | names(graph, "AnalysisTemplate") == set()
    assert "argo-rollouts" not in {resource.inputs["chart"] for resource in graph.of("Release")}
    assert SMOKE_TEST.name not in names(graph, "NetworkPolicy")


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_what_people_reach_or_what_promises_something_is_judged(strategy: Strategy) -> None:
    graph = graph_of(strategy)
    assert names(graph, "Rollout") == JUDGED
    assert names(graph, "Deployment").isdisjoint(JUDGED)
    scaled = {
        resource.name: resource.inputs["spec"]["scaleTargetRef"]["kind"]
        for resource in graph.of("HorizontalPodAutoscaler")
    }
    assert all((kind == "Rollout") == (name in JUDGED) for name, kind in scaled.items())
    controller = graph.one("Release", "rollouts")
    assert all(graph.waits_for(resource, controller) for resource in graph.of("Rollout"))


def test_a_way_back_to_pod_by_pod_keeps_the_controller() -> None:
    graph = graph_of("rolling")
    assert names(graph, "Rollout") == set()
    assert names(graph, "Deployment") >= JUDGED
    assert graph.one("Release", "rollouts")


def test_a_consumer_goes_in_steps_where_others_are_switched() -> None:
    strategies = {
        resource.name: set(resource.inputs["spec"]["strategy"]) for resource in graph_of("blue_green").of("Rollout")
    }
    assert strategies == {name: {"canary"} if name in CONSUMERS else {"blueGreen"} for name in JUDGED}


def test_each_is_judged_by_its_own_objectives_in_the_prometheus_of_the_stack() -> None:
    graph = graph_of("canary")
    for name in JUDGED - {"dashboard"}:
        (declaration,) = [server for server in CATALOG.servers if server.name == name]
        metrics = graph.one("AnalysisTemplate", name).inputs["spec"]["metrics"]
        assert [metric["name"] for metric in metrics] == [
            "watched",
            *(indicator.name for indicator in indicators(declaration)),
        ]
        assert len(metrics) > 1
        for metric in metrics:
            prometheus = metric["provider"]["prometheus"]
            assert prometheus["address"] == "http://prometheus-operated.monitoring.svc:9090"
            assert f'pod=~"{name}-{{{{args.' in prometheus["query"]


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_the_smoke_test_asks_the_version_itself_and_is_let_in(strategy: Strategy) -> None:
    graph = graph_of(strategy)
    for name in REACHED:
        job = graph.one("AnalysisTemplate", f"{name}-smoke").inputs["spec"]["metrics"][0]["provider"]["job"]["spec"]
        environment_of = {
            variable["name"]: variable["value"] for variable in job["template"]["spec"]["containers"][0]["env"]
        }
        for other in REACHED:
            service = f"{other}-preview" if other == name else other
            assert environment_of[f"{other.upper()}_URL"].startswith(f"http://{service}.sensors.svc:")
        assert f"{name}-preview" in names(graph, "kubernetes:core/v1:Service")
        assert SMOKE_TEST.name in _callers(graph, name)
    assert graph.one("ServiceAccount", SMOKE_TEST.name)
    assert all(SMOKE_TEST.name not in _callers(graph, name) for name in CONSUMERS)


def test_the_controller_may_do_something_in_its_namespace_alone() -> None:
    controller = graph_of("canary").one("Release", "rollouts").inputs
    assert controller["namespace"] == "sensors"
    assert controller["values"]["clusterInstall"] is False
    policy = graph_of("canary").one("NetworkPolicy", "rollouts").inputs["spec"]
    assert sorted(port["port"] for rule in policy["egress"] for port in rule["ports"]) == [53, 53, 443, 9090]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_check_of_what_may_be_deployed_is_broken(strategy: Strategy) -> None:
    before = {found.check for found in violations(ALL, _resources(environment_graph("prod")), production=True)}
    assert {found.check for found in violations(ALL, _resources(graph_of(strategy)), production=True)} <= before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_has_a_place(strategy: Strategy) -> None:
    graph, config = graph_of(strategy), environment_config("prod")
    found = {workload.name: workload for workload in workloads(graph)}
    assert found["Deployment argo-rollouts"].replicas == 2
    assert found["api"].surge == (found["api"].replicas if strategy == "blue_green" else 1)
    assert place(list(found.values()), config.cluster.nodes).nodes <= config.cluster.nodes.maximum


def _resources(graph: Graph) -> list[Resource]:
    return [
        Resource(resource.type, resource.name, resource.inputs, identity=frozenset()) for resource in graph.resources
    ]


def _callers(graph: Graph, name: str) -> set[str]:
    ingress: list[dict[str, Any]] = graph.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", name).inputs["spec"][
        "ingress"
    ]
    labels = [peer["podSelector"]["matchLabels"] for rule in ingress for peer in rule["from"] if "podSelector" in peer]
    return {selector["app.kubernetes.io/name"] for selector in labels}
