"""Network policies: who may call a workload, and whom it may call. Everything else is closed. Pure."""

from collections.abc import Mapping, Sequence

import pulumi_kubernetes as k8s

from apps.platform.service import ScheduledService, Service, Task, Website
from components.binding import Reach

Peer = k8s.networking.v1.NetworkPolicyPeerArgs
Port = k8s.networking.v1.NetworkPolicyPortArgs

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def network_policy(
    declaration: Service | ScheduledService | Task | Website,
    labels: Mapping[str, str],
    reaches: Sequence[Reach],
    monitoring: str,
    load_balancer: Sequence[str],
) -> k8s.networking.v1.NetworkPolicySpecArgs:
    """Return the policy of a declaration.

    `monitoring`: the namespace that scrapes metrics, of services alone. `load_balancer`: the ranges that requests for
    public paths come from. DNS is always allowed.
    """
    peers: list[Peer] = []
    if isinstance(declaration, Service):
        peers.append(_namespace(monitoring))
    if isinstance(declaration, Service | Website) and declaration.public:
        peers += [_addresses(cidr, ()) for cidr in load_balancer]
    ingress = (
        [k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=peers, ports=[_tcp(declaration.port)])]
        if isinstance(declaration, Service | Website) and peers
        else []
    )
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
        policy_types=["Ingress", "Egress"],
        ingress=ingress,
        egress=[_dns(), *(_egress(reach) for reach in reaches)],
    )


def _egress(reach: Reach) -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    peers = [_addresses(cidr, reach.besides) for cidr in reach.cidrs]
    if reach.namespace:
        peers.append(_namespace(reach.namespace))
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(to=peers, ports=[_tcp(reach.port)])


def _dns() -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    resolver = Peer(
        namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: "kube-system"}),
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
    )
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(
        to=[resolver], ports=[Port(port=53, protocol="UDP"), Port(port=53, protocol="TCP")]
    )


def _namespace(name: str) -> Peer:
    return Peer(namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: name}))


def _addresses(cidr: str, besides: tuple[str, ...]) -> Peer:
    block = k8s.networking.v1.IPBlockArgs(cidr=cidr, except_=list(besides) or None)
    return Peer(ip_block=block)


def _tcp(port: int) -> Port:
    return Port(port=port, protocol="TCP")
