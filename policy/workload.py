"""Workloads in the cluster: locked down, watched, spread, and reachable only as declared."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.check import Properties, Resource, ResourceCheck, StackCheck, dig, each, of

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CRON_JOB = "kubernetes:batch/v1:CronJob"
JOB = "kubernetes:batch/v1:Job"
PODS = (DEPLOYMENT, CRON_JOB, JOB)
NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"

SECRET_NAME = re.compile(r"PASSWORD$|TOKEN$|SECRET$|PRIVATE_KEY$|ACCESS_KEY$")
DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
PRIVILEGED_NAMESPACES = {
    "monitoring": "node-exporter reads the host's own files",
}
"""Namespaces that cannot be restricted, and why."""
SYSTEM = ("kube-", "external-secrets", "default")


def pod(props: Properties) -> Properties:
    """Return the pod of a Deployment, a Job or a CronJob."""
    spec = dig(props, "spec", "jobTemplate", "spec") or props.get("spec") or {}
    return dig(spec, "template", "spec") or {}


def containers(props: Properties) -> list[Mapping[str, Any]]:
    """Return every container of a workload."""
    spec = pod(props)
    return [*each(spec.get("initContainers")), *each(spec.get("containers"))]


def _restricted(props: Properties, _: str) -> Iterator[str]:
    enforced = (dig(props, "metadata", "labels") or {}).get("pod-security.kubernetes.io/enforce")
    if enforced != "restricted" and dig(props, "metadata", "name") not in PRIVILEGED_NAMESPACES:
        yield f"enforces Pod Security {enforced}: it must be restricted"


def _security(props: Properties, _: str) -> Iterator[str]:
    spec = pod(props)
    if dig(spec, "securityContext", "runAsNonRoot") is not True:
        yield "may run as root: securityContext.runAsNonRoot"
    if dig(spec, "securityContext", "seccompProfile", "type") != "RuntimeDefault":
        yield "may call anything of the kernel: seccompProfile RuntimeDefault"
    for container in containers(props):
        context = container.get("securityContext") or {}
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{container.get('name')} may gain privileges: allowPrivilegeEscalation false"
        if "ALL" not in each(dig(context, "capabilities", "drop")):
            yield f"{container.get('name')} keeps capabilities: drop ALL"


def _read_only(props: Properties, _: str) -> Iterator[str]:
    for container in containers(props):
        if dig(container, "securityContext", "readOnlyRootFilesystem") is not True:
            yield f"{container.get('name')} can write to its image: readOnlyRootFilesystem"


def _probes(props: Properties, _: str) -> Iterator[str]:
    for container in each(pod(props).get("containers")):
        alive, ready = container.get("livenessProbe"), container.get("readinessProbe")
        if not alive or not ready:
            yield f"{container.get('name')} has no {'liveness' if not alive else 'readiness'} probe"
        elif alive.get("httpGet") == ready.get("httpGet"):
            yield f"{container.get('name')} asks the same for liveness and readiness: a slow database would restart it"


def _limits(props: Properties, _: str) -> Iterator[str]:
    for container in containers(props):
        if not dig(container, "resources", "limits", "memory") or not dig(container, "resources", "requests", "cpu"):
            yield f"{container.get('name')} does not say what it takes: a memory limit and a CPU request"


def _spread(props: Properties, _: str) -> Iterator[str]:
    keys = {c.get("topologyKey") for c in each(pod(props).get("topologySpreadConstraints"))}
    if missing := {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} - keys:
        yield f"may stand all in one place: spread over {', '.join(sorted(missing))}"


def _images(props: Properties, _: str) -> Iterator[str]:
    for container in containers(props):
        if not DIGEST.fullmatch(str(container.get("image"))):
            yield f"{container.get('name')} runs {container.get('image')}: name the image by its digest"


def _environment(props: Properties, _: str) -> Iterator[str]:
    for container in containers(props):
        for variable in each(container.get("env")):
            if SECRET_NAME.search(str(variable.get("name"))) and variable.get("value"):
                yield f"{variable.get('name')} stands in clear: mount the secret as a file"


def _service_account(props: Properties, _: str) -> Iterator[str]:
    spec = pod(props)
    if spec.get("automountServiceAccountToken") is not False:
        yield "holds a token of the cluster's API: automountServiceAccountToken false"
    if spec.get("serviceAccountName") in (None, "default"):
        yield "has no service account of its own"


def _no_overlap(props: Properties, _: str) -> Iterator[str]:
    if dig(props, "spec", "concurrencyPolicy") != "Forbid":
        yield "may run twice at a time: concurrencyPolicy Forbid"


def _budgets(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    guarded = [labels for budget in of(resources, BUDGET) if (labels := _selected(budget.props))]
    minimum = {
        dig(scaler.props, "spec", "scaleTargetRef", "name"): dig(scaler.props, "spec", "minReplicas") or 1
        for scaler in of(resources, AUTOSCALER)
    }
    for deployment in of(resources, DEPLOYMENT):
        copies = max(dig(deployment.props, "spec", "replicas") or 1, minimum.get(_name(deployment), 1))
        labels = dig(deployment.props, "spec", "template", "metadata", "labels") or {}
        if copies > 1 and not any(selector.items() <= labels.items() for selector in guarded):
            yield deployment, "may lose all copies when nodes are drained: a PodDisruptionBudget"


def _closed(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    policies = list(of(resources, NETWORK_POLICY))
    closed = {_namespace(p) for p in policies if not dig(p.props, "spec", "podSelector") and _denies(p.props)}
    for namespace in of(resources, NAMESPACE):
        name = _name(namespace)
        if name not in closed and not str(name).startswith(SYSTEM):
            yield namespace, "lets everything in and out: a NetworkPolicy that selects every pod and allows nothing"
    for workload in of(resources, *PODS):
        labels = _labels(workload.props)
        allowed = [
            p
            for p in policies
            if _namespace(p) == _namespace(workload) and (s := _selected(p.props)) and s.items() <= labels.items()
        ]
        if not allowed:
            yield workload, "has no NetworkPolicy of its own"


def _denies(props: Properties) -> bool:
    spec = props.get("spec") or {}
    return (
        set(each(spec.get("policyTypes"))) == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )


def _selected(props: Properties) -> Mapping[str, Any]:
    selector = dig(props, "spec", "podSelector") or dig(props, "spec", "selector") or {}
    return selector.get("matchLabels") or {}


def _labels(props: Properties) -> Mapping[str, Any]:
    spec = dig(props, "spec", "jobTemplate", "spec") or props.get("spec") or {}
    return dig(spec, "template", "metadata", "labels") or {}


def _namespace(resource: Resource) -> Any:
    return dig(resource.props, "metadata", "namespace")


def _name(resource: Resource) -> Any:
    return dig(resource.props, "metadata", "name") or resource.name


CHECKS = (
    ResourceCheck("namespace-pod-security", "Namespaces enforce a Pod Security", (NAMESPACE,), _restricted),
    ResourceCheck("pod-restricted", "Pods keep to Pod Security restricted", PODS, _security),
    ResourceCheck("root-file-system-read-only", "Containers cannot change their image", PODS, _read_only),
    ResourceCheck("probes-differ", "Liveness and readiness are asked apart", (DEPLOYMENT,), _probes),
    ResourceCheck("resources-stated", "Containers say what they take", PODS, _limits),
    ResourceCheck("spread", "Copies stand in several zones and hosts", (DEPLOYMENT,), _spread),
    ResourceCheck("image-by-digest", "Images are named by digest", PODS, _images),
    ResourceCheck("no-secret-in-environment", "Secrets are files, never variables", PODS, _environment),
    ResourceCheck("own-service-account", "Each workload has an identity and no needless token", PODS, _service_account),
    ResourceCheck("no-overlap", "Scheduled work never runs twice at a time", (CRON_JOB,), _no_overlap),
    StackCheck("disruption-budgets", "Every Deployment with copies has a PodDisruptionBudget", _budgets),
    StackCheck("network-policies", "Namespaces are closed, workloads opened one by one", _closed),
)
