"""Argo Rollouts: the controller that brings a new version step by step, judges it, and takes a bad one back."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.cluster.chart import Chart, disabled, release, requests
from components.cluster.config import ChartsConfig
from components.component import Component
from components.workload.network_rules import NAME_LABEL, addresses, dns, namespace_pods, pods, tcp

ROLLOUTS = Chart("argo-rollouts", "2.41.0", "https://argoproj.github.io/argo-helm")

METRICS_PORT = 8080
"""Where Prometheus may reach controllers in other namespaces already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutsControllerArgs:
    """Where it runs: beside the workloads that it rolls out, and nowhere else may it do anything.

    `api_server`: addresses behind which the API server answers on 443. `prometheus`: its pods' namespace and name, with
    its port. `monitoring`: the namespace that scrapes. `after`: the namespace, and the types of the operator.
    """

    charts: ChartsConfig
    namespace: str
    api_server: Sequence[str]
    prometheus: tuple[str, str, int]
    monitoring: str
    replicas: int = 1
    after: Sequence[pulumi.Resource] = ()


class RolloutsController(Component):
    """What rolls out new versions.

    Makes:

    - the controller of Argo Rollouts with its types, from its chart, with a Role in its namespace and none beyond
    - a network policy: it asks the API server and Prometheus, and is scraped
    """

    release: k8s.helm.v3.Release

    def __init__(self, name: str, args: RolloutsControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        policy = k8s.networking.v1.NetworkPolicy(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=ROLLOUTS.name, namespace=args.namespace),
            spec=_network_policy(args),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.release = release(
            name,
            ROLLOUTS,
            args.namespace,
            {
                # A Role of this namespace: without it, it could read every secret of the cluster.
                "clusterInstall": False,
                "createClusterAggregateRoles": False,
                # Nobody splits traffic here but the number of pods.
                "providerRBAC": {"enabled": False, "providers": {"gatewayAPI": False}},
                **disabled("dashboard"),
                "controller": {
                    "replicas": args.replicas,
                    "resources": requests("20m", "96Mi"),
                    "containerPorts": {"metrics": METRICS_PORT, "healthz": 8085},
                    "metrics": {"enabled": True, "serviceMonitor": {"enabled": True}},
                },
                # Its types go with it: what is of them goes first.
                "keepCRDs": False,
            },
            charts=args.charts,
            parent=self,
            after=(policy, *args.after),
        )
        self.register_outputs({})


def _network_policy(args: RolloutsControllerArgs) -> k8s.networking.v1.NetworkPolicySpecArgs:
    namespace, program, port = args.prometheus
    egress = k8s.networking.v1.NetworkPolicyEgressRuleArgs
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAME_LABEL: ROLLOUTS.name}),
        policy_types=["Ingress", "Egress"],
        ingress=[
            k8s.networking.v1.NetworkPolicyIngressRuleArgs(
                from_=[namespace_pods(args.monitoring)], ports=[tcp(METRICS_PORT)]
            )
        ],
        egress=[
            dns(),
            egress(to=[addresses(cidr) for cidr in args.api_server], ports=[tcp(443)]),
            egress(to=[pods(namespace, program)], ports=[tcp(port)]),
        ],
    )
