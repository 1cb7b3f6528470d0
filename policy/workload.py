"""Workloads in the cluster: locked down, watched, spread, and reachable only as declared."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.check import Properties, Resource, ResourceCheck, StackCheck, as_list, get_path, of_type

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
PRIVILEGED = {(NAMESPACE, "monitoring"): "node-exporter reads the host's own files"}


def pod(props: Properties) -> Properties:
    """Return the pod of a Deployment, a Job or a CronJob."""
    spec = get_path(props, "spec", "jobTemplate", "spec") or props.get("spec") or {}
    return get_path(spec, "template", "spec") or {}


def containers(props: Properties) -> list[Mapping[str, Any]]:
    """Return every container of a workload."""
    spec = pod(props)
    return [*as_list(spec.get("initContainers")), *as_list(spec.get("containers"))]


def _restricted(props: Properties) -> Iterator[str]:
    enforced = (get_path(props, "metadata", "labels") or {}).get("pod-security.kubernetes.io/enforce")
    if enforced != "restricted":
        yield f"enforces Pod Security {enforced}: it must be restricted"


def _security(props: Properties) -> Iterator[str]:
    spec = pod(props)
    if get_path(spec, "securityContext", "runAsNonRoot") is not True:
        yield "may run as root: securityContext.runAsNonRoot"
    if get_path(spec, "securityContext", "seccompProfile", "type") != "RuntimeDefault":
        yield "may call anything of the kernel: seccompProfile RuntimeDefault"
    for container in containers(props):
        context = container.get("securityContext") or {}
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{container.get('name')} may gain privileges: allowPrivilegeEscalation false"
        if "ALL" not in as_list(get_path(context, "capabilities", "drop")):
            yield f"{container.get('name')} keeps capabilities: drop ALL"


def _read_only(props: Properties) -> Iterator[str]:
    for container in containers(props):
        if get_path(container, "securityContext", "readOnlyRootFilesystem") is not True:
            yield f"{container.get('name')} can write to its image: readOnlyRootFilesystem"


def _probes(props: Properties) -> Iterator[str]:
    for container in as_list(pod(props).get("containers")):
        alive, ready = container.get("livenessProbe"), container.get("readinessProbe")
        if not alive or not ready:
            yield f"{container.get('name')} has no {'liveness' if not alive else 'readiness'} probe"
        elif alive.get("httpGet") == ready.get("httpGet"):
            yield f"{container.get('name')} asks the same for liveness and readiness: a slow database would restart it"


def _limits(props: Properties) -> Iterator[str]:
    for container in containers(props):
        if not get_path(container, "resources", "limits", "memory") or not get_path(
            container, "resources", "requests", "cpu"
        ):
            yield f"{container.get('name')} does not say what it takes: a memory limit and a CPU request"


def _spread(props: Properties) -> Iterator[str]:
    keys = {c.get("topologyKey") for c in as_list(pod(props).get("topologySpreadConstraints"))}
    if missing := {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} - keys:
        yield f"may stand all in one place: spread over {', '.join(sorted(missing))}"


def _images(props: Properties) -> Iterator[str]:
    for container in containers(props):
        if not DIGEST.fullmatch(str(container.get("image"))):
            yield f"{container.get('name')} runs {container.get('image')}: name the image by its digest"


def _environment(props: Properties) -> Iterator[str]:
    for container in containers(props):
        for variable in as_list(container.get("env")):
            if SECRET_NAME.search(str(variable.get("name"))) and variable.get("value"):
                yield f"{variable.get('name')} stands in clear: mount the secret as a file"


def _service_account(props: Properties) -> Iterator[str]:
    spec = pod(props)
    if spec.get("automountServiceAccountToken") is not False:
        yield "holds a token of the cluster's API: automountServiceAccountToken false"
    if spec.get("serviceAccountName") in (None, "default"):
        yield "has no service account of its own"


def _no_overlap(props: Properties) -> Iterator[str]:
    if get_path(props, "spec", "concurrencyPolicy") != "Forbid":
        yield "may run twice at a time: concurrencyPolicy Forbid"


def _budgets(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    guarded = [labels for budget in of_type(resources, BUDGET) if (labels := _selected(budget.props))]
    minimum = {
        get_path(scaler.props, "spec", "scaleTargetRef", "name"): get_path(scaler.props, "spec", "minReplicas") or 1
        for scaler in of_type(resources, AUTOSCALER)
    }
    for deployment in of_type(resources, DEPLOYMENT):
        replicas = max(get_path(deployment.props, "spec", "replicas") or 1, minimum.get(_name(deployment), 1))
        labels = get_path(deployment.props, "spec", "template", "metadata", "labels") or {}
        if replicas > 1 and not any(selector.items() <= labels.items() for selector in guarded):
            yield deployment, "may lose all replicas when nodes are drained: a PodDisruptionBudget"


def _closed(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    policies = list(of_type(resources, NETWORK_POLICY))
    closed = {_namespace(p) for p in policies if not get_path(p.props, "spec", "podSelector") and _denies(p.props)}
    for namespace in of_type(resources, NAMESPACE):
        name = _name(namespace)
        if name not in closed:
            yield namespace, "lets everything in and out: a NetworkPolicy that selects every pod and allows nothing"
    for workload in of_type(resources, *PODS):
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
        set(as_list(spec.get("policyTypes"))) == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )


def _selected(props: Properties) -> Mapping[str, Any]:
    selector = get_path(props, "spec", "podSelector") or get_path(props, "spec", "selector") or {}
    return selector.get("matchLabels") or {}


def _labels(props: Properties) -> Mapping[str, Any]:
    spec = get_path(props, "spec", "jobTemplate", "spec") or props.get("spec") or {}
    return get_path(spec, "template", "metadata", "labels") or {}


def _namespace(resource: Resource) -> Any:
    return get_path(resource.props, "metadata", "namespace")


def _name(resource: Resource) -> Any:
    return get_path(resource.props, "metadata", "name") or resource.name


CHECKS = (
    ResourceCheck(
        "namespace-pod-security", "Namespaces enforce a Pod Security", (NAMESPACE,), _restricted, exempt=PRIVILEGED
    ),
    ResourceCheck("pod-restricted", "Pods keep to Pod Security restricted", PODS, _security),
    ResourceCheck("root-file-system-read-only", "Containers cannot change their image", PODS, _read_only),
    ResourceCheck("probes-differ", "Liveness and readiness are asked apart", (DEPLOYMENT,), _probes),
    ResourceCheck("resources-stated", "Containers say what they take", PODS, _limits),
    ResourceCheck("spread", "Replicas run in several zones and on several hosts", (DEPLOYMENT,), _spread),
    ResourceCheck("image-by-digest", "Images are named by digest", PODS, _images),
    ResourceCheck("no-secret-in-environment", "Secrets are files, never variables", PODS, _environment),
    ResourceCheck("own-service-account", "Each workload has an identity and no needless token", PODS, _service_account),
    ResourceCheck("no-overlap", "Scheduled work never runs twice at a time", (CRON_JOB,), _no_overlap),
    StackCheck("disruption-budgets", "Every Deployment with replicas has a PodDisruptionBudget", _budgets),
    StackCheck("network-policies", "Namespaces are closed, workloads opened one by one", _closed),
)
