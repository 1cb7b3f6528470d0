"""Network policies of the monitoring namespace, in which everything is closed that is not named here."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.component import Component
from components.workload.network_rules import addresses, dns, namespace_pods, tcp

SERVICE_RANGES = ("10.100.0.0/16", "172.20.0.0/16")
"""EKS gives the Services of a cluster one of these, so also the API server's."""

SERVICE_PORTS = (9090, 9091, 4318)
"""What services call: Prometheus, the Pushgateway, and OTLP over HTTP."""


@dataclass(frozen=True, slots=True)
class MonitoringNetworkPoliciesArgs:
    """The namespace, the one of the services, and the addresses of the nodes and pods inside the network's range."""

    namespace: str
    services: str
    nodes: Sequence[str]
    network: str
    after: Sequence[pulumi.Resource] = ()


class MonitoringNetworkPolicies(Component):
    """What may reach the monitoring namespace, and what its programs may reach.

    Makes:

    - a network policy of every pod in it: they talk to each other, services query, push and trace, and Prometheus
      reaches nodes and pods
    - a network policy of Alertmanager, which alone may go out to the internet, over 443, for Slack
    """

    def __init__(
        self, name: str, args: MonitoringNetworkPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._child = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        ingress_rule = k8s.networking.v1.NetworkPolicyIngressRuleArgs
        egress_rule = k8s.networking.v1.NetworkPolicyEgressRuleArgs
        inside = namespace_pods(args.namespace)
        self._policy(
            args.namespace,
            "inside",
            {},
            ingress=[
                ingress_rule(from_=[inside]),
                ingress_rule(from_=[namespace_pods(args.services)], ports=[tcp(port) for port in SERVICE_PORTS]),
            ],
            egress=[
                dns(),
                egress_rule(to=[inside]),
                egress_rule(to=[addresses(cidr) for cidr in (*args.nodes, *SERVICE_RANGES)]),
            ],
        )
        self._policy(
            args.namespace,
            "slack",
            {"app.kubernetes.io/name": "alertmanager"},
            egress=[
                egress_rule(to=[addresses("0.0.0.0/0", (args.network, "169.254.0.0/16"))], ports=[tcp(443)]),
            ],
        )
        self.register_outputs({})

    def _policy(
        self,
        namespace: str,
        name: str,
        pods: dict[str, str],
        egress: list[k8s.networking.v1.NetworkPolicyEgressRuleArgs],
        ingress: list[k8s.networking.v1.NetworkPolicyIngressRuleArgs] | None = None,
    ) -> None:
        k8s.networking.v1.NetworkPolicy(
            f"{namespace}-{name}",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=name, namespace=namespace),
            spec=k8s.networking.v1.NetworkPolicySpecArgs(
                pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=pods),
                policy_types=["Ingress", "Egress"] if ingress else ["Egress"],
                ingress=ingress,
                egress=egress,
            ),
            opts=self._child,
        )
