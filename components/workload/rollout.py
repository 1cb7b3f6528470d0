"""A Rollout instead of a Deployment: how it replaces pods, and by what it judges those of a new version. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pulumi_kubernetes as k8s

from apps.platform.declaration import Server
from apps.platform.exporters import UP
from apps.platform.promql import Matches, decimal, sum_, value
from components.workload.delivery import Delivery
from components.workload.pods import Pods

API = "argoproj.io/v1alpha1"

HASH = "pods-hash"
"""The argument of an analysis: the part of the names of pods that tells their version."""

WATCHED = "watched"
"""The measure that a version's pods are scraped at all: a pod that is not seen has nothing wrong."""

PROGRESS_SECONDS = 300
"""Within which pods of a new version must become ready."""

BLUE_GREEN_DELAY_SECONDS = 60
"""How long the pods of the version before still answer after the switch: until everybody has heard of it."""


def preview_name(name: str) -> str:
    """Return the name of the Service that leads to the version which is tried before the switch."""
    return f"{name}-preview"


def has_preview(delivery: Delivery) -> bool:
    """Whether a version can be reached before it takes over."""
    return delivery.config.strategy == "blue_green" or delivery.smoke is not None or delivery.splits_requests


def smoke_name(name: str) -> str:
    """Return the name of the AnalysisTemplate that tries a version."""
    return f"{name}-smoke"


def rollout_spec(declaration: Server, pods: Pods, delivery: Delivery) -> dict[str, Any]:
    """Return the spec of a Rollout."""
    scale = declaration.scale
    return {
        # The autoscaler's number is not ours to set back.
        **({} if scale.maximum > scale.minimum else {"replicas": scale.minimum}),
        "selector": {"matchLabels": dict(pods.labels)},
        "template": pods.template,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": PROGRESS_SECONDS,
        "progressDeadlineAbort": True,
        "strategy": (
            _canary(declaration, delivery)
            if delivery.config.strategy == "canary"
            else _blue_green(declaration, delivery)
        ),
    }


def analysis_spec(declaration: Server, delivery: Delivery) -> dict[str, Any]:
    """Return the spec of the AnalysisTemplate that judges the pods of a version."""
    pods = Matches(f"{declaration.name}-{{{{args.{HASH}}}}}-.*")
    window = timedelta(seconds=delivery.config.window_seconds)
    watched = sum_(value(UP, job=declaration.name, pod=pods))
    return {
        "args": [{"name": HASH}],
        "metrics": [
            # A scrape may fail now and then.
            _metric(WATCHED, str(watched), "len(result) > 0 && result[0] > 0", delivery, failures=2),
            *(
                _metric(
                    judged.name,
                    str(judged.measured(window, pods)),
                    f"len(result) == 0 || isNaN(result[0]) || result[0] <= {decimal(judged.at_most)}",
                    delivery,
                )
                for judged in delivery.indicators
            ),
        ],
    }


def smoke_spec(smoke: k8s.core.v1.PodTemplateSpecArgs) -> dict[str, Any]:
    """Return the spec of the AnalysisTemplate that tries a version."""
    job = {"backoffLimit": 0, "activeDeadlineSeconds": 120, "template": smoke}
    return {"metrics": [{"name": "smoke-test", "provider": {"job": {"spec": job}}}]}


def deadline(delivery: Delivery) -> timedelta:
    """Return how long a deployment waits: for all pauses, and for pods to become ready in each step."""
    steps = len(delivery.config.steps) + 2
    return timedelta(seconds=delivery.config.pauses_seconds + steps * PROGRESS_SECONDS)


def _canary(declaration: Server, delivery: Delivery) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    for step in delivery.config.steps:
        steps.append({"setWeight": step.percent})
        if delivery.smoke and len(steps) == 1:
            steps.append({"analysis": {"templates": [{"templateName": smoke_name(declaration.name)}]}})
        steps.append({"pause": {"duration": f"{step.pause_seconds}s"}})
    judged = {"analysis": {**_analysis(declaration), "startingStep": 1}} if declaration.scraped else {}
    tried = {"canaryService": preview_name(declaration.name)} if has_preview(delivery) else {}
    split = _split(declaration) if delivery.splits_requests else {}
    return {"canary": {"maxSurge": 1, "maxUnavailable": 0, **tried, **split, "steps": steps, **judged}}


def _split(declaration: Server) -> dict[str, Any]:
    """Let the controller turn the weights of the routes to the two versions, instead of their numbers of pods."""
    routes = {"name": declaration.name, "routes": [declaration.name]}
    return {"stableService": declaration.name, "trafficRouting": {"istio": {"virtualService": routes}}}


def _blue_green(declaration: Server, delivery: Delivery) -> dict[str, Any]:
    tried = {"prePromotionAnalysis": {"templates": [{"templateName": smoke_name(declaration.name)}]}}
    judged = {"postPromotionAnalysis": _analysis(declaration)}
    return {
        "blueGreen": {
            "activeService": declaration.name,
            "previewService": preview_name(declaration.name),
            "autoPromotionEnabled": True,
            "scaleDownDelaySeconds": BLUE_GREEN_DELAY_SECONDS,
            **(tried if delivery.smoke else {}),
            **(judged if declaration.scraped else {}),
        }
    }


def _analysis(declaration: Server) -> dict[str, Any]:
    return {
        "templates": [{"templateName": declaration.name}],
        "args": [{"name": HASH, "valueFrom": {"podTemplateHashValue": "Latest"}}],
    }


def _metric(name: str, query: str, success: str, delivery: Delivery, failures: int = 0) -> Mapping[str, Any]:
    config = delivery.config
    seconds = f"{config.interval_seconds}s"
    # A canary is judged as long as its steps last; after a switch, until the window holds nothing from before it.
    times = {} if config.strategy == "canary" else {"count": config.window_seconds // config.interval_seconds + 1}
    return {
        "name": name,
        "initialDelay": seconds,
        "interval": seconds,
        **times,
        "successCondition": success,
        "failureLimit": failures,
        "provider": {"prometheus": {"address": delivery.prometheus, "query": query}},
    }
