"""What is declared for a service whose versions are judged."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from apps.platform.declaration import Scale, StaticSite
from apps.platform.exporters import UP
from apps.platform.indicator import Indicator
from apps.platform.promql import value
from components.workload.config import DeliveryConfig, Strategy
from components.workload.delivery import Delivery
from components.workload.pods import WorkloadArgs
from components.workload.workload import Workload
from delivery.recording import Graph, build
from tests.components.workload.test_workload import IMAGE, PROBE, SMALL, platform

QUICK = Indicator("quick", "Quick", lambda _, pods: value(UP, pod=pods), Fraction(1, 100))


def deploy(strategy: Strategy, declaration: Any = PROBE, **changes: Any) -> Graph:
    config = DeliveryConfig(strategy=strategy, **changes)
    delivery = Delivery(config=config, indicators=(QUICK,), prometheus="http://prometheus:9090", kubeconfig=None)

    def program() -> None:
        Workload(declaration.name, WorkloadArgs(declaration, IMAGE, platform(), delivery=delivery))

    return build(program)


def test_a_rollout_has_the_pods_that_a_deployment_would_have() -> None:
    rolling, canary = deploy("rolling"), deploy("canary")
    deployment, rollout = rolling.one("Deployment").inputs, canary.one("Rollout").inputs
    for part in ("selector", "template", "replicas", "revisionHistoryLimit", "progressDeadlineSeconds"):
        assert rollout["spec"][part] == deployment["spec"][part]
    assert rollout["metadata"] == deployment["metadata"]
    assert canary.of("Deployment") + rolling.of("Rollout") + rolling.of("AnalysisTemplate") == []


def test_the_autoscaler_follows_and_its_number_is_not_set_back() -> None:
    graph = deploy("canary", replace(PROBE, scale=Scale(2, 5)))
    target = graph.one("HorizontalPodAutoscaler").inputs["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "probe"}
    assert "replicas" not in graph.one("Rollout").inputs["spec"]
    labels = graph.one("Rollout").inputs["spec"]["template"]["metadata"]["labels"]
    assert graph.one("PodDisruptionBudget").inputs["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_a_canary_goes_by_its_steps_and_is_judged_from_the_first_one_on() -> None:
    steps = [{"percent": 10, "pause_seconds": 120}, {"percent": 40, "pause_seconds": 180}]
    canary = deploy("canary", steps=steps).one("Rollout").inputs["spec"]["strategy"]["canary"]
    assert canary["steps"] == [
        {"setWeight": 10},
        {"pause": {"duration": "120s"}},
        {"setWeight": 40},
        {"pause": {"duration": "180s"}},
    ]
    assert (canary["maxUnavailable"], canary["analysis"]["startingStep"]) == (0, 1)
    assert canary["analysis"]["templates"] == [{"templateName": "probe"}]


def test_only_the_pods_of_the_version_are_measured() -> None:
    graph = deploy("canary")
    template = graph.one("AnalysisTemplate").inputs["spec"]
    watched, quick = template["metrics"]
    (argument,) = template["args"]
    pods = 'pod=~"probe-{{args.' + argument["name"] + '}}-.*"'
    assert pods in watched["provider"]["prometheus"]["query"]
    assert quick["provider"]["prometheus"] == {"address": "http://prometheus:9090", "query": f"up{{{pods}}}"}
    assert quick["successCondition"] == "len(result) == 0 || isNaN(result[0]) || result[0] <= 0.01"
    given = graph.one("Rollout").inputs["spec"]["strategy"]["canary"]["analysis"]["args"]
    assert given == [{"name": argument["name"], "valueFrom": {"podTemplateHashValue": "Latest"}}]


def test_a_canary_is_judged_to_its_end_and_a_switch_for_the_window() -> None:
    assert all("count" not in metric for metric in _metrics(deploy("canary")))
    counts = {metric["count"] for metric in _metrics(deploy("blue_green", interval_seconds=60, window_seconds=300))}
    assert counts == {6}


def test_blue_green_has_a_second_way_in_for_the_version_that_is_tried() -> None:
    graph = deploy("blue_green")
    strategy = graph.one("Rollout").inputs["spec"]["strategy"]["blueGreen"]
    services = {resource.name: resource for resource in graph.of("kubernetes:core/v1:Service")}
    assert services.keys() == {strategy["activeService"], strategy["previewService"]} == {"probe", "probe-preview"}
    assert all(graph.waits_for(graph.one("Rollout"), service) for service in services.values())
    scraped = graph.one("ServiceMonitor").inputs["spec"]["selector"]["matchLabels"].items()
    labels = {name: resource.inputs["metadata"]["labels"].items() for name, resource in services.items()}
    assert {name for name in labels if scraped <= labels[name]} == {"probe"}, "each pod is scraped once"


def test_what_has_no_metrics_goes_in_steps_that_nobody_judges() -> None:
    graph = deploy("canary", StaticSite(name="site", resources=SMALL))
    assert graph.of("AnalysisTemplate") == []
    assert "analysis" not in graph.one("Rollout").inputs["spec"]["strategy"]["canary"]


@pytest.mark.parametrize(
    ("config", "location", "why"),
    [
        ({"strategy": "Canary"}, ("strategy",), "'rolling', 'canary' or 'blue_green'"),
        ({"strategy": "canary", "steps": []}, (), "steps must name at least one step"),
        (
            {"strategy": "canary", "steps": [{"percent": 0, "pause_seconds": 300}]},
            ("steps", 0, "percent"),
            "greater than or equal to 1",
        ),
        (
            {"strategy": "canary", "steps": [{"percent": p, "pause_seconds": 300} for p in (50, 25)]},
            (),
            "steps must rise, percent by percent, got 50, 25",
        ),
        (
            {"strategy": "canary", "steps": [{"percent": 25, "pause_seconds": 60}]},
            (),
            "steps.0.pause_seconds is 60: it must be at least 120, two times interval_seconds",
        ),
    ],
)
def test_a_wrong_configuration_is_told_with_key_value_and_what_is_allowed(
    config: dict[str, Any], location: tuple[str | int, ...], why: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        DeliveryConfig(**config)
    (problem,) = refused.value.errors()
    assert problem["loc"] == location
    assert why in problem["msg"]


def _metrics(graph: Graph) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = graph.one("AnalysisTemplate").inputs["spec"]["metrics"]
    return found
