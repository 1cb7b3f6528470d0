"""Network policies of the monitoring namespace, in which everything is closed that is not named here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pulumi
import pulumi_kubernetes as k8s

from components.component import Component
from components.workload.network_rules import (
    HBONE_PORT,
    Peer,
    Port,
    addresses,
    dns,
    mesh_probes,
    namespace_pods,
    pods,
    tcp,
)

SERVICE_RANGES = ("10.100.0.0/16", "172.20.0.0/16")
"""EKS gives the Services of a cluster one of these, so also the API server's."""

PROMETHEUS, ALERTMANAGER, PUSHGATEWAY, GRAFANA = "prometheus", "alertmanager", "prometheus-pushgateway", "grafana"
LOKI, TEMPO, COLLECTOR = "loki", "tempo", "opentelemetry-collector"
OPERATOR, STATE_METRICS = "kube-prometheus-stack-prometheus-operator", "kube-state-metrics"


class Connection(NamedTuple):
    """From the pods of one program to those of another, on one TCP port."""

    source: str
    target: str
    port: int


SCRAPED = (
    (ALERTMANAGER, 9093),
    (ALERTMANAGER, 8080),
    (COLLECTOR, 8888),
    (GRAFANA, 3000),
    (LOKI, 3100),
    (OPERATOR, 8080),
    (PROMETHEUS, 9090),
    (PROMETHEUS, 8080),
    (PUSHGATEWAY, 9091),
    (STATE_METRICS, 8080),
    (TEMPO, 3200),
)
CONNECTIONS = (
    *(Connection(PROMETHEUS, program, port) for program, port in SCRAPED),
    Connection(ALERTMANAGER, ALERTMANAGER, 9094),
    Connection(COLLECTOR, LOKI, 3100),
    Connection(COLLECTOR, TEMPO, 4317),
    Connection(GRAFANA, LOKI, 3100),
    Connection(GRAFANA, PROMETHEUS, 9090),
    Connection(GRAFANA, TEMPO, 3200),
)
SERVED = ((ALERTMANAGER, 9093), (COLLECTOR, 4318), (PROMETHEUS, 9090), (PUSHGATEWAY, 9091))
"""What services call."""

MESHED = (ALERTMANAGER, PROMETHEUS, PUSHGATEWAY)
"""Who calls services, and whom they call, but for the collector: where there is a mesh, these are in it too."""

ASK_THE_API = (COLLECTOR, GRAFANA, OPERATOR, PROMETHEUS, STATE_METRICS)
"""Programs that watch Kubernetes through its API server."""

NODE_METRICS = (10250, 9100)
"""The kubelet, and the node exporter, which is in its node's network."""

CONTROLLER_METRICS = (8080, 8085, 9153)
"""Controllers in other namespaces, the autoscaler, and CoreDNS."""


@dataclass(frozen=True, slots=True)
class MonitoringNetworkPoliciesArgs:
    """The namespace, the one of the services with the ports of their metrics, and the addresses of the nodes and pods
    inside the network's range.

    `relay`: the service, with its port, that passes Alertmanager's messages on to webhooks. `smtp_ports`: where e-mail
    leaves. `meshed`: whether the services are in a mesh.
    """

    namespace: str
    services: str
    service_ports: Sequence[int]
    nodes: Sequence[str]
    network: str
    relay: tuple[str, int]
    smtp_ports: Sequence[int] = ()
    meshed: bool = False
    after: Sequence[pulumi.Resource] = ()


class MonitoringNetworkPolicies(Component):
    """Who in the monitoring namespace reaches whom. Logs and traces are read by Grafana alone.

    Makes:

    - a network policy of each program: whom it calls and who calls it, services and the API server among them.
      Prometheus reaches metrics on nodes and in other namespaces, and no other port there; Alertmanager alone reaches
      the internet, over 443 and where e-mail leaves, for its receivers
    """

    def __init__(
        self, name: str, args: MonitoringNetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._args = args
        for program in sorted(
            {connection.target for connection in CONNECTIONS} | {connection.source for connection in CONNECTIONS}
        ):
            k8s.networking.v1.NetworkPolicy(
                f"{args.namespace}-{program}",
                metadata=k8s.meta.v1.ObjectMetaArgs(name=program, namespace=args.namespace),
                spec=k8s.networking.v1.NetworkPolicySpecArgs(
                    pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={"app.kubernetes.io/name": program}),
                    policy_types=["Ingress", "Egress"],
                    ingress=list(self._ingress(program)),
                    egress=list(self._egress(program)),
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
            )
        self.register_outputs({})

    def _ingress(self, program: str) -> Iterator[k8s.networking.v1.NetworkPolicyIngressRuleArgs]:
        for connection in CONNECTIONS:
            if connection.target == program:
                yield _from(
                    pods(self._args.namespace, connection.source),
                    *self._ports(connection.source, program, connection.port),
                )
        for served, port in SERVED:
            if served == program:
                yield _from(namespace_pods(self._args.services), *self._ports(program, program, port))
        if self._args.meshed and program in MESHED:
            yield mesh_probes(*(port for scraped, port in SCRAPED if scraped == program))

    def _ports(self, source: str, target: str, port: int) -> tuple[Port, ...]:
        """Return what a connection takes: in a mesh it is that of a tunnel, and its own until both ends have joined."""
        tunnel = self._args.meshed and source in MESHED and target in MESHED
        return (tcp(port), *([tcp(HBONE_PORT)] if tunnel else []))

    def _egress(self, program: str) -> Iterator[k8s.networking.v1.NetworkPolicyEgressRuleArgs]:
        args = self._args
        yield dns()
        for connection in CONNECTIONS:
            if connection.source == program:
                yield _to(
                    [pods(args.namespace, connection.target)], *self._ports(program, connection.target, connection.port)
                )
        if program in ASK_THE_API:
            yield _to([addresses(cidr) for cidr in (*args.nodes, *SERVICE_RANGES)], tcp(443))
        if program == PROMETHEUS:
            tunnel = [HBONE_PORT] if args.meshed else []
            ports = sorted({*NODE_METRICS, *CONTROLLER_METRICS, *args.service_ports, *tunnel})
            yield _to([addresses(cidr) for cidr in args.nodes], *(tcp(port) for port in ports))
        if program == ALERTMANAGER:
            relay, port = args.relay
            yield _to([pods(args.services, relay)], *self._ports(program, program, port))
            outside = addresses("0.0.0.0/0", (args.network, "169.254.0.0/16"))
            yield _to([outside], *(tcp(port) for port in (443, *args.smtp_ports)))


def _from(peer: Peer, *ports: Port) -> k8s.networking.v1.NetworkPolicyIngressRuleArgs:
    return k8s.networking.v1.NetworkPolicyIngressRuleArgs(from_=[peer], ports=list(ports))


def _to(peers: Sequence[Peer], *ports: Port) -> k8s.networking.v1.NetworkPolicyEgressRuleArgs:
    return k8s.networking.v1.NetworkPolicyEgressRuleArgs(to=list(peers), ports=list(ports))
