"""What brings workloads that no check sees one by one: Helm charts, raw manifests, patches of others' objects."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.check import ResourceCheck
from policy.properties import Properties, get_path, is_given, is_true, values_named

RELEASE = ("kubernetes:helm.sh/v3:Release",)
UNSEEN = (
    "kubernetes:helm.sh/v*:Chart",
    "kubernetes:kustomize*:Directory",
    "kubernetes:yaml*:*",
    "kubernetes:*:*List",
    "kubernetes:*:*Patch",
)
"""Types whose inputs do not say what they make."""

HOST_READERS = {
    "kube-prometheus-stack": "node-exporter reads its node's counters",
    "opentelemetry-collector": "it reads the logs of every container from its node",
    "cni": "Istio's takes pods of its node into the mesh",
    "ztunnel": "Istio's encrypts what the pods of its node say",
}
"""Charts that need their nodes, most of them to read files, and so a namespace that allows it."""

ROLES_OF_ONE_NAMESPACE = {"argo-rollouts": {"clusterInstall": False, "createClusterAggregateRoles": False}}
"""Charts whose program reads secrets and starts pods, with the values by which it may in its own namespace alone."""

MAKES_GATEWAYS = "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER"
"""By this variable Istio's control plane may start pods, as any account of any namespace."""

VERSION = re.compile(r"v?\d+\.\d+\.\d+([.+-][0-9A-Za-z.+-]+)?")
HOST = {"privileged", "hostNetwork", "hostPID", "hostIPC", "allowPrivilegeEscalation"}


def chart_of(props: Properties) -> str:
    """Return the name of a release's chart, without the place that it is taken from."""
    return str(props.get("chart")).rstrip("/").rpartition("/")[2]


def _source(props: Properties) -> Iterator[str]:
    if not VERSION.fullmatch(str(props.get("version"))):
        yield f"takes version {props.get('version')} of its chart: name one, or tomorrow's runs"
    repository = next(iter(values_named(props.get("repositoryOpts"), "repo")), None)
    if str(props.get("chart")).startswith("http://") or (repository and not str(repository).startswith("https://")):
        yield "takes its chart over a connection that anybody could answer: https:// or oci://"


def _privileges(props: Properties) -> Iterator[str]:
    values = props.get("values")
    for name in sorted(HOST):
        if any(is_true(value) for value in values_named(values, name)):
            yield f"asks for the node it runs on: {name}"
    if any(values_named(values, "hostPath")) or any(
        "SYS_ADMIN" in str(added) or "ALL" in str(added) for added in values_named(values, "add")
    ):
        yield "asks for the node it runs on: hostPath, or capabilities"
    if chart_of(props) not in HOST_READERS and any(user == 0 for user in values_named(values, "runAsUser")):
        yield "runs as root: runAsUser"


def _roles(props: Properties) -> Iterator[str]:
    for name, wanted in ROLES_OF_ONE_NAMESPACE.get(chart_of(props), {}).items():
        if get_path(props, "values", name) is not wanted:
            yield f"may read every secret of the cluster: {name} {str(wanted).lower()}"


def _starts_pods(props: Properties) -> Iterator[str]:
    if chart_of(props) == "istiod" and get_path(props, "values", "env", MAKES_GATEWAYS) != "false":
        yield f'may start pods in every namespace: env.{MAKES_GATEWAYS} "false"'


def _ways_in(props: Properties) -> Iterator[str]:
    values = props.get("values")
    if any(str(kind) in {"LoadBalancer", "NodePort"} for kind in values_named(values, "type")):
        yield "opens a way in from outside: a Service of type ClusterIP"
    if any(is_given(ingress, "enabled") and is_true(ingress["enabled"]) for ingress in _sections(values, "ingress")):
        yield "opens a way in from outside: ingress.enabled"


def _unseen(_props: Properties) -> Iterator[str]:
    yield "brings objects that no check can read: declare each, or install a chart that nox -s charts checks"


def _sections(value: Any, name: str) -> Iterator[Properties]:
    return (section for section in values_named(value, name) if isinstance(section, Mapping))


CHECKS = (
    ResourceCheck(
        name="chart-pinned",
        description="Charts have a version, and come over a connection that is proven",
        types=RELEASE,
        find=_source,
    ),
    ResourceCheck(
        name="chart-without-privileges",
        description="The values of charts ask for nothing of the node",
        types=RELEASE,
        find=_privileges,
        also=("CKV_K8S_16", "CKV_K8S_17", "CKV_K8S_19"),
    ),
    ResourceCheck(
        name="chart-of-one-namespace",
        description="What rolls out versions has a Role of its namespace, and none of the cluster",
        types=RELEASE,
        find=_roles,
        also=("CIS Kubernetes 5.1.2",),
    ),
    ResourceCheck(
        name="chart-starts-no-pods",
        description="The control plane of a mesh starts no pods",
        types=RELEASE,
        find=_starts_pods,
        also=("CIS Kubernetes 5.1.4",),
    ),
    ResourceCheck(
        name="chart-without-doors",
        description="The values of charts open no way in",
        types=RELEASE,
        find=_ways_in,
    ),
    ResourceCheck(
        name="no-unseen-objects",
        description="What runs in the cluster can be read by the checks",
        types=UNSEEN,
        find=_unseen,
    ),
)
