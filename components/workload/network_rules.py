"""Network policies: who may call a workload, and whom it may call. Everything else is closed. Pure."""

from collections.abc import Mapping, Sequence

import pulumi_kubernetes as k8s

from apps.platform.declaration import Declaration, Server
from components.binding import EgressTarget

Peer = k8s.networking.v1.NetworkPolicyPeerArgs
Port = k8s.networking.v1.NetworkPolicyPortArgs

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
NAME_LABEL = "app.kubernetes.io/name"
"""What every pod of a workload carries, with the workload's name."""

HBONE_PORT = 15008
"""Where pods in a mesh hear each other, whatever the port behind it; who may have which is its policies' part."""

MESH_PROBES = "169.254.7.127/32"
"""Who the kubelet seems to be to a pod in a mesh that it asks how it is."""


def network_policy(
    declaration: Declaration,
    labels: Mapping[str, str],
    egress: Sequence[EgressTarget],
    callers: Sequence[Peer],
    *,
    meshed: bool = False,
) -> k8s.networking.v1.NetworkPolicySpecArgs:
    """Return the policy of a declaration.

    `callers`: the pods that may call it. `meshed`: whether it and its callers are in a mesh. DNS is always allowed.
    """
    server, ingress = declaration.server, []
    if server:
        if callers:
            # In a mesh a call comes through a tunnel, and without until both ends have joined.
            ports = [tcp(server.port), *([tcp(HBONE_PORT)] if meshed else [])]
            ingress.append(k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=list(callers), ports=ports))
        if meshed:
            ingress.append(mesh_probes(server.port))
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
        policy_types=["Ingress", "Egress"],
        ingress=ingress,
        egress=[dns(), *(_egress(target, meshed) for target in egress)],
    )


def load_balancer_policy(
    server: Server, labels: Mapping[str, str], load_balancer: Sequence[str]
) -> k8s.networking.v1.NetworkPolicySpecArgs:
    """Return the policy that lets requests for public paths in. `load_balancer`: the ranges that they come from."""
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels),
        policy_types=["Ingress"],
        ingress=[
            k8s.networking.v1.NetworkPolicyIngressRuleArgs(
                from_=[addresses(cidr) for cidr in load_balancer], ports=[tcp(server.port)]
            )
        ],
    )


def _egress(target: EgressTarget, meshed: bool) -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    peers = [addresses(cidr, target.except_) for cidr in target.cidrs]
    if target.namespace:
        peers.append(pods(target.namespace, target.pod) if target.pod else namespace_pods(target.namespace))
    ports = [tcp(target.port)]
    if target.namespace and meshed:
        ports.append(tcp(HBONE_PORT))
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(to=peers, ports=ports)


def mesh_probes(*ports: int) -> k8s.networking.v1.NetworkPolicyIngressRuleArgs:
    """Return the rule that lets the kubelet ask a pod in a mesh how it is."""
    return k8s.networking.v1.NetworkPolicyIngressRuleArgs(
        from_=[addresses(MESH_PROBES)], ports=[tcp(port) for port in ports]
    )


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


def pods(namespace: str, name: str) -> Peer:
    """Return the pods of one workload."""
    return Peer(
        namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAMESPACE_LABEL: namespace}),
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAME_LABEL: name}),
    )


def addresses(cidr: str, except_: tuple[str, ...] = ()) -> Peer:
    """Return the addresses of a range, `except_` some of them."""
    block = k8s.networking.v1.IPBlockArgs(cidr=cidr, except_=list(except_) or None)
    return Peer(ip_block=block)


def tcp(port: int) -> Port:
    """Return a TCP port."""
    return Port(port=port, protocol="TCP")
