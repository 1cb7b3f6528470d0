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
        peers.append(namespace_pods(monitoring))
    if isinstance(declaration, Service | Website) and declaration.public:
        peers += [addresses(cidr) for cidr in load_balancer]
    ingress = (
        [k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=peers, ports=[tcp(declaration.port)])]
        if isinstance(declaration, Service | Website) and peers
        else []
    )
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
        policy_types=["Ingress", "Egress"],
        ingress=ingress,
        egress=[dns(), *(_egress(reach) for reach in reaches)],
    )


def _egress(reach: Reach) -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    peers = [addresses(cidr, reach.besides) for cidr in reach.cidrs]
    if reach.namespace:
        peers.append(namespace_pods(reach.namespace))
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(to=peers, ports=[tcp(reach.port)])


def dns() -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    """Return the rule that lets pods look names up."""
    resolver = Peer(
        namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: "kube-system"}),
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
    )
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(
        to=[resolver], ports=[Port(port=53, protocol="UDP"), Port(port=53, protocol="TCP")]
    )


def namespace_pods(name: str) -> Peer:
    """Return every pod of a namespace."""
    return Peer(namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: name}))


def addresses(cidr: str, besides: tuple[str, ...] = ()) -> Peer:
    """Return the addresses of a range, `besides` some of them."""
    block = k8s.networking.v1.IPBlockArgs(cidr=cidr, except_=list(besides) or None)
    return Peer(ip_block=block)


def tcp(port: int) -> Port:
    """Return a TCP port."""
    return Port(port=port, protocol="TCP")
