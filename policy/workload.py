"""Workloads of every kind: locked down, watched, spread, and with an identity of their own."""

import re
from collections.abc import Iterator

from policy import pods
from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.pods import PODS, containers, effective, pod
from policy.properties import Properties, any_of, as_list, get_path, is_given, is_true, mappings

BUDGET = ("kubernetes:policy/*:PodDisruptionBudget",)
AUTOSCALER = ("kubernetes:autoscaling/*:HorizontalPodAutoscaler",)
VOLUME = ("kubernetes:core/v1:PersistentVolume",)

DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
ADDABLE = {"NET_BIND_SERVICE"}
"""The one capability that Pod Security restricted lets a container add."""
SYSTEM_NAMESPACES = {None, "", "default", "kube-node-lease", "kube-public", "kube-system"}


def _restricted(props: Properties) -> Iterator[str]:
    for container in containers(props):
        name, context = container.get("name"), get_path(container, "securityContext")
        if effective(props, container, "runAsNonRoot") is not True:
            yield f"{name} may run as root: securityContext.runAsNonRoot"
        if effective(props, container, "runAsUser") == 0:
            yield f"{name} runs as root: securityContext.runAsUser"
        if effective(props, container, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name} may call anything of the kernel: seccompProfile RuntimeDefault"
        if get_path(context, "allowPrivilegeEscalation") is not False:
            yield f"{name} may gain privileges: allowPrivilegeEscalation false"
        if "ALL" not in as_list(get_path(context, "capabilities", "drop")):
            yield f"{name} keeps capabilities: drop ALL"
        if added := set(as_list(get_path(context, "capabilities", "add"))) - ADDABLE:
            yield f"{name} takes capabilities: {', '.join(sorted(map(str, added)))}"
        if is_true(get_path(context, "privileged")):
            yield f"{name} is privileged: it owns its node"
        if get_path(context, "procMount") not in (None, "Default"):
            yield f"{name} sees what /proc hides: procMount Default"


def _host(props: Properties) -> Iterator[str]:
    spec = pod(props)
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if is_true(spec.get(name)):
            yield f"shares its node's processes or network: {name}"
    for volume in mappings(spec.get("volumes")):
        if is_given(volume, "hostPath"):
            yield f"mounts its node's files: {get_path(volume, 'hostPath', 'path')}"
    for container in containers(props):
        if any(is_given(port, "hostPort") for port in mappings(container.get("ports"))):
            yield f"{container.get('name')} listens on its node's address: hostPort"
    if get_path(spec, "securityContext", "sysctls"):
        yield "changes its node's kernel: sysctls"


def _host_volume(props: Properties) -> Iterator[str]:
    if get_path(props, "spec", "hostPath") or get_path(props, "spec", "local"):
        yield "is a folder of a node, which whoever claims it may read and write"


def _read_only(props: Properties) -> Iterator[str]:
    for container in containers(props):
        if get_path(container, "securityContext", "readOnlyRootFilesystem") is not True:
            yield f"{container.get('name')} can write to its image: readOnlyRootFilesystem"


def _probes(props: Properties) -> Iterator[str]:
    for container in pods.long_running(props):
        alive, ready = container.get("livenessProbe"), container.get("readinessProbe")
        if not alive or not ready:
            yield f"{container.get('name')} has no {'liveness' if not alive else 'readiness'} probe"
        elif (request := get_path(alive, "httpGet")) and request == get_path(ready, "httpGet"):
            yield f"{container.get('name')} asks the same for liveness and readiness: a slow database would restart it"


def _resources(props: Properties) -> Iterator[str]:
    for container in containers(props):
        limit, request = get_path(container, "resources", "limits"), get_path(container, "resources", "requests")
        if not get_path(limit, "memory") or not get_path(request, "cpu"):
            yield f"{container.get('name')} does not say what it takes: a memory limit and a CPU request"


def _spread(props: Properties) -> Iterator[str]:
    keys = {c.get("topologyKey") for c in mappings(pod(props).get("topologySpreadConstraints"))}
    if missing := {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} - keys:
        yield f"may stand all in one place: spread over {', '.join(sorted(missing))}"


def _images(props: Properties) -> Iterator[str]:
    for container in containers(props):
        if not DIGEST.fullmatch(str(container.get("image"))):
            yield f"{container.get('name')} runs {container.get('image')}: name the image by its digest"


def _service_account(props: Properties) -> Iterator[str]:
    spec = pod(props)
    if spec.get("automountServiceAccountToken") is not False:
        yield "holds a token of the cluster's API: automountServiceAccountToken false"
    if spec.get("serviceAccountName") in (None, "", "default"):
        yield "has no service account of its own"


def _namespace(props: Properties) -> Iterator[str]:
    if (name := pods.namespace_of(props)) in SYSTEM_NAMESPACES:
        yield f"runs in {name or 'default'}, where no Pod Security and no network policy of ours holds"


def _no_overlap(props: Properties) -> Iterator[str]:
    if get_path(props, "spec", "concurrencyPolicy") != "Forbid":
        yield "may run twice at a time: concurrencyPolicy Forbid"


def _ends(props: Properties) -> Iterator[str]:
    job = get_path(props, "spec", "jobTemplate", "spec") or props.get("spec")
    if not get_path(job, "activeDeadlineSeconds"):
        yield "may hang for ever: activeDeadlineSeconds"


def _budgets(workload: Resource, stack: Stack) -> Iterator[str]:
    def scales(scaler: Resource) -> bool:
        target = get_path(scaler.props, "spec", "scaleTargetRef")
        return (
            get_path(target, "name") == (get_path(workload.props, "metadata", "name") or workload.name)
            and get_path(target, "kind") in (None, workload.type.rpartition(":")[2])
            and (get_path(scaler.props, "spec", "minReplicas") or 1) > 1
        )

    def guards(budget: Resource) -> bool:
        selector = get_path(budget.props, "spec", "selector")
        same = pods.namespace_of(budget.props) == pods.namespace_of(workload.props)
        return same and not pods.is_empty(selector) and pods.selects(selector, pods.labels(workload.props))

    several = (get_path(workload.props, "spec", "replicas") or 1) > 1 or any_of(stack.of(AUTOSCALER), scales)
    if several and not any_of(stack.of(BUDGET), guards):
        yield "may lose all replicas when nodes are drained: a PodDisruptionBudget"


def _gives_way(props: Properties) -> Iterator[str]:
    most, least = get_path(props, "spec", "maxUnavailable"), get_path(props, "spec", "minAvailable")
    if most is None and least is None:
        yield "does not say how many pods may go: maxUnavailable"
    elif most in (0, "0", "0%") or least == "100%":
        yield "never lets a pod go: nodes could not be drained, and no upgrade would end"


CHECKS = (
    ResourceCheck(
        name="pod-restricted",
        description="Containers of every kind keep to Pod Security restricted",
        types=PODS,
        find=_restricted,
        also=(
            *(f"CKV_K8S_{number}" for number in (16, 20, 23, 25, 28, 29, 30, 31, 37, 39)),
            "container-security-context-privileged",
            "container-seccomp-profile",
            "CIS Kubernetes 5.2",
        ),
    ),
    ResourceCheck(
        name="host-untouched",
        description="Pods have nothing of their node: no files, ports, processes, kernel settings",
        types=PODS,
        find=_host,
        also=(*(f"CKV_K8S_{number}" for number in (17, 18, 19, 26, 27)), "CIS Kubernetes 5.2"),
    ),
    ResourceCheck(
        name="no-host-volumes", description="No volume is a folder of a node", types=VOLUME, find=_host_volume
    ),
    ResourceCheck(
        name="root-file-system-read-only",
        description="Containers cannot change their image",
        types=PODS,
        find=_read_only,
        also=("CKV_K8S_22", "container-security-context-readonlyrootfilesystem"),
    ),
    ResourceCheck(
        name="probes-differ",
        description="Liveness and readiness are asked apart",
        types=pods.SERVING,
        find=_probes,
        also=("CKV_K8S_8", "CKV_K8S_9", "pod-probes"),
    ),
    ResourceCheck(
        name="resources-stated",
        description="Containers say what they take",
        types=PODS,
        find=_resources,
        also=("CKV_K8S_10", "CKV_K8S_12", "CKV_K8S_13", "container-resources"),
    ),
    ResourceCheck(
        name="spread",
        description="Replicas run in several zones and on several hosts",
        types=pods.REPLICATED,
        find=_spread,
        also=("deployment-has-host-podantiaffinity", "statefulset-has-host-podantiaffinity"),
    ),
    ResourceCheck(
        name="image-by-digest",
        description="Images are named by digest",
        types=PODS,
        find=_images,
        also=("CKV_K8S_14", "CKV_K8S_43", "container-image-tag"),
    ),
    ResourceCheck(
        name="own-service-account",
        description="Each workload has an identity and no needless token",
        types=PODS,
        find=_service_account,
        also=("CKV_K8S_38", "CKV_K8S_41", "CIS Kubernetes 5.1.5", "CIS Kubernetes 5.1.6"),
    ),
    ResourceCheck(
        name="own-namespace",
        description="Workloads run in a namespace of ours",
        types=PODS,
        find=_namespace,
        also=("CKV_K8S_21", "CIS Kubernetes 5.7.4"),
    ),
    ResourceCheck(
        name="no-overlap",
        description="Scheduled work never runs twice at a time",
        types=pods.SCHEDULED,
        find=_no_overlap,
    ),
    ResourceCheck(
        name="jobs-end",
        description="Work that hangs is ended",
        types=(*pods.JOB, *pods.SCHEDULED),
        find=_ends,
        also=("cronjob-has-deadline",),
    ),
    StackCheck(
        name="disruption-budgets",
        description="Whatever has replicas has a PodDisruptionBudget",
        types=pods.REPLICATED,
        find=_budgets,
        also=("deployment-has-poddisruptionbudget", "statefulset-has-poddisruptionbudget"),
    ),
    ResourceCheck(
        name="budgets-give-way",
        description="Nodes can be drained",
        types=BUDGET,
        find=_gives_way,
        also=("poddisruptionbudget-has-policy",),
    ),
)
