"""Namespaces: what the API server enforces in them, and who may talk to whom."""

from collections.abc import Iterator
from typing import Any

from policy import pods
from policy.addresses import open_to_world
from policy.charts import HOST_READERS, RELEASE, chart_of
from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.properties import Properties, any_of, as_list, get_path, mappings, strings

NAMESPACE = ("kubernetes:core/v1:Namespace",)
NETWORK_POLICY = ("kubernetes:networking.k8s.io/*:NetworkPolicy",)
ENFORCE = "pod-security.kubernetes.io/enforce"
HTTPS = 443


def _pod_security(namespace: Resource, stack: Stack) -> Iterator[str]:
    enforced = (get_path(namespace.props, "metadata", "labels") or {}).get(ENFORCE)
    if enforced == "restricted":
        return
    name = _name(namespace)

    def reads_host(release: Resource) -> bool:
        return release.props.get("namespace") == name and chart_of(release.props) in HOST_READERS

    if not any_of(stack.of(RELEASE), reads_host):
        yield f"enforces Pod Security {enforced}: it must be restricted, unless a chart in it needs its nodes"


def _apart(workload: Resource, stack: Stack) -> Iterator[str]:
    for namespace in stack.of(NAMESPACE):
        levels = get_path(namespace.props, "metadata", "labels") or {}
        if _name(namespace) == pods.namespace_of(workload.props) and levels.get(ENFORCE) != "restricted":
            yield f"runs in {_name(namespace)}, which is open for charts that read their nodes' files"


def _closed(namespace: Resource, stack: Stack) -> Iterator[str]:
    def closes(policy: Resource) -> bool:
        spec = policy.props.get("spec")
        return (
            pods.namespace_of(policy.props) == _name(namespace)
            and pods.is_empty(get_path(spec, "podSelector"))
            and set(as_list(get_path(spec, "policyTypes"))) == {"Ingress", "Egress"}
            and not get_path(spec, "ingress")
            and not get_path(spec, "egress")
        )

    if not any_of(stack.of(NETWORK_POLICY), closes):
        yield "lets everything in and out: a NetworkPolicy that selects every pod and allows nothing"


def _opened(workload: Resource, stack: Stack) -> Iterator[str]:
    def selects(policy: Resource) -> bool:
        selector = get_path(policy.props, "spec", "podSelector")
        same = pods.namespace_of(policy.props) == pods.namespace_of(workload.props)
        # One that only opens a way in is beside it.
        both = "Egress" in as_list(get_path(policy.props, "spec", "policyTypes"))
        return same and both and not pods.is_empty(selector) and pods.selects(selector, pods.labels(workload.props))

    if not any_of(stack.of(NETWORK_POLICY), selects):
        yield "has no NetworkPolicy of its own"


def _named(props: Properties) -> Iterator[str]:
    for rule in mappings(get_path(props, "spec", "ingress")):
        peers = list(mappings(rule.get("from")))
        if not peers:
            yield "lets everybody in: name who may (from)"
        if any(_is_everybody(peer) for peer in peers):
            yield "lets every namespace in: name the one that may (namespaceSelector)"
        if open_to_world(_addresses(peers)):
            yield "lets the whole internet in: name the load balancer's subnets (ipBlock)"
    for rule in mappings(get_path(props, "spec", "egress")):
        peers = list(mappings(rule.get("to")))
        ports = {port.get("port") for port in mappings(rule.get("ports"))}
        if not peers:
            yield "lets out to everybody: name whom (to)"
        if open_to_world(_addresses(peers)) and ports != {HTTPS}:
            yield "lets out to the whole internet: on 443 alone"


def _is_everybody(peer: Properties) -> bool:
    selector: Any = peer.get("namespaceSelector")
    return selector is not None and pods.is_empty(selector) and pods.is_empty(peer.get("podSelector"))


def _addresses(peers: list[Properties]) -> list[str]:
    return [cidr for peer in peers for cidr in strings(get_path(peer, "ipBlock", "cidr"))]


def _name(namespace: Resource) -> Any:
    return get_path(namespace.props, "metadata", "name") or namespace.name


CHECKS = (
    StackCheck(
        name="namespace-pod-security",
        description="Namespaces enforce Pod Security restricted, but for charts that read their nodes' files",
        types=NAMESPACE,
        find=_pod_security,
        also=("CIS Kubernetes 5.2.1",),
    ),
    StackCheck(
        name="workloads-apart",
        description="No workload of ours runs where charts may read their nodes' files",
        types=pods.PODS,
        find=_apart,
    ),
    StackCheck(
        name="namespace-closed",
        description="Namespaces are closed until something is named",
        types=NAMESPACE,
        find=_closed,
        also=("CIS Kubernetes 5.3.2",),
    ),
    StackCheck(
        name="network-policies",
        description="Workloads are opened one by one",
        types=pods.PODS,
        find=_opened,
        also=("CKV2_K8S_6", "pod-networkpolicy", "CIS Kubernetes 5.3.2"),
    ),
    ResourceCheck(
        name="network-policies-named",
        description="Network policies name who comes in and where to",
        types=NETWORK_POLICY,
        find=_named,
    ),
)
