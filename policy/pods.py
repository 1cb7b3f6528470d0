"""The pod of every kind of workload, and what its containers may in the end."""

from collections.abc import Iterator
from typing import Any

from policy.properties import Properties, as_list, get_path, mappings

SINGLE = ("kubernetes:*:Pod",)
DEPLOYMENT = ("kubernetes:*:Deployment", "kubernetes:argoproj.io/*:Rollout")
REPLICATED = (
    *DEPLOYMENT,
    "kubernetes:*:StatefulSet",
    "kubernetes:*:ReplicaSet",
    "kubernetes:*:ReplicationController",
)
ON_EVERY_NODE = ("kubernetes:*:DaemonSet",)
SCHEDULED = ("kubernetes:*:CronJob",)
JOB = ("kubernetes:*:Job",)
SERVING = (*SINGLE, *REPLICATED, *ON_EVERY_NODE)
PODS = (*SERVING, *SCHEDULED, *JOB, "kubernetes:*:PodTemplate")
"""Every kind of workload, of whatever API group and version."""


def pod(props: Properties) -> Properties:
    """Return the pod's spec of a workload of any kind."""
    spec = _template(props).get("spec")
    return next(mappings(spec), {})


def labels(props: Properties) -> Properties:
    """Return the labels that the pods of a workload carry."""
    return next(mappings(get_path(_template(props), "metadata", "labels")), {})


def containers(props: Properties) -> list[Properties]:
    """Return every container of a workload: those that run first, that stay, and that were attached for a look."""
    spec = pod(props)
    return [
        container
        for name in ("initContainers", "containers", "ephemeralContainers")
        for container in mappings(spec.get(name))
    ]


def long_running(props: Properties) -> Iterator[Properties]:
    """Yield the containers that run as long as the pod does."""
    return mappings(pod(props).get("containers"))


def effective(props: Properties, container: Properties, *path: str) -> Any:
    """Return a setting of the security context as Kubernetes merges it: the container's, else the pod's."""
    own = get_path(container, "securityContext", *path)
    return own if own is not None else get_path(pod(props), "securityContext", *path)


def name_of(props: Properties) -> str:
    """Return what a Kubernetes object calls itself."""
    return str(get_path(props, "metadata", "name"))


def namespace_of(props: Properties) -> Any:
    """Return the namespace of a Kubernetes object; None where it says none."""
    return get_path(props, "metadata", "namespace")


def selects(selector: Any, chosen: Properties) -> bool:
    """Tell whether a label selector selects what carries some labels; an empty one selects everything."""
    exact = next(mappings(get_path(selector, "matchLabels")), {})
    if any(chosen.get(key) != exact[key] for key in exact):
        return False
    return all(_meets(rule, chosen) for rule in mappings(get_path(selector, "matchExpressions")))


def is_empty(selector: Any) -> bool:
    """Tell whether a label selector names nothing, and so selects everything."""
    return not get_path(selector, "matchLabels") and not get_path(selector, "matchExpressions")


def _meets(rule: Properties, chosen: Properties) -> bool:
    value, operator = chosen.get(str(rule.get("key"))), rule.get("operator")
    values = as_list(rule.get("values"))
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False


def _template(props: Properties) -> Properties:
    """Return what pods are made from: of a CronJob, of what has a template, or a pod itself."""
    scheduled = get_path(props, "spec", "jobTemplate", "spec", "template")
    template = scheduled or get_path(props, "spec", "template") or props.get("template")
    return next(mappings(template), props)
