"""Argo Rollouts: the controller that brings a new version step by step, judges it, and takes a bad one back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.cluster.chart import Chart, disabled, release, requests
from components.cluster.config import ChartsConfig
from components.component import Component
from components.workload.mesh import SECURITY_API, Mesh, authorization_policy
from components.workload.network_rules import (
    HBONE_PORT,
    NAME_LABEL,
    addresses,
    dns,
    mesh_probes,
    namespace_pods,
    pods,
    tcp,
)

ROLLOUTS = Chart("argo-rollouts", "2.41.0", "https://argoproj.github.io/argo-helm")

METRICS_PORT, HEALTH_PORT = 8080, 8085
"""The first: where Prometheus may reach controllers in other namespaces already."""

OTHER_ROUTERS = (
    "smi",
    "ambassador",
    "awsLoadBalancerController",
    "awsAppMesh",
    "traefik",
    "apisix",
    "contour",
    "glooPlatform",
    "gatewayAPI",
)
"""What else could split requests, and would have to be allowed to the controller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutsControllerArgs:
    """Where it runs: beside the workloads that it rolls out, and nowhere else may it do anything.

    `api_server`: addresses behind which the API server answers on 443. `prometheus`: its pods' namespace and name, with
    its port. `monitoring`: the namespace that scrapes. `after`: the namespace, and the types of the operator. `mesh`:
    the one that it is in with the workloads; its gateway splits their requests.
    """

    charts: ChartsConfig
    namespace: str
    api_server: Sequence[str]
    prometheus: tuple[str, str, int]
    monitoring: str
    replicas: int = 1
    after: Sequence[pulumi.Resource] = ()
    mesh: Mesh | None = None


class RolloutsController(Component):
    """What rolls out new versions.

    Makes:

    - the controller of Argo Rollouts with its types, from its chart, with a Role in its namespace and none beyond
    - a network policy: it asks the API server and Prometheus, and is scraped; in a mesh an AuthorizationPolicy, too
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
        before: list[pulumi.Resource] = [policy, *args.after]
        if args.mesh:
            before.append(self._authorization(name, args.namespace, args.mesh))
        self.release = release(
            name,
            ROLLOUTS,
            args.namespace,
            {
                # A Role of this namespace: without it, it could read every secret of the cluster.
                "clusterInstall": False,
                "createClusterAggregateRoles": False,
                "providerRBAC": _routers(args.mesh),
                **disabled("dashboard"),
                "controller": {
                    "replicas": args.replicas,
                    "resources": requests("20m", "96Mi"),
                    "containerPorts": {"metrics": METRICS_PORT, "healthz": HEALTH_PORT},
                    "metrics": {"enabled": True, "serviceMonitor": {"enabled": True}},
                },
                # Its types go with it: what is of them goes first.
                "keepCRDs": False,
            },
            charts=args.charts,
            parent=self,
            after=before,
        )
        self.register_outputs({})

    def _authorization(self, name: str, namespace: str, mesh: Mesh) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            name,
            api_version=SECURITY_API,
            kind="AuthorizationPolicy",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=ROLLOUTS.name, namespace=namespace),
            spec=authorization_policy({NAME_LABEL: ROLLOUTS.name}, [mesh.scraper], METRICS_PORT),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(mesh.after)),
        )


def _routers(mesh: Mesh | None) -> dict[str, Any]:
    """Return whose routes it may write: the mesh's, where there is one; else the number of pods is all that splits."""
    if mesh is None:
        return {"enabled": False, "providers": {"gatewayAPI": False}}
    return {"enabled": True, "providers": {"istio": True, **dict.fromkeys(OTHER_ROUTERS, False)}}


def _network_policy(args: RolloutsControllerArgs) -> k8s.networking.v1.NetworkPolicySpecArgs:
    namespace, program, port = args.prometheus
    egress = k8s.networking.v1.NetworkPolicyEgressRuleArgs
    return k8s.networking.v1.NetworkPolicySpecArgs(
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAME_LABEL: ROLLOUTS.name}),
        policy_types=["Ingress", "Egress"],
        ingress=[
            k8s.networking.v1.NetworkPolicyIngressRuleArgs(
                from_=[namespace_pods(args.monitoring)], ports=[tcp(HBONE_PORT if args.mesh else METRICS_PORT)]
            ),
            *([mesh_probes(METRICS_PORT, HEALTH_PORT)] if args.mesh else []),
        ],
        egress=[
            dns(),
            egress(to=[addresses(cidr) for cidr in args.api_server], ports=[tcp(443)]),
            egress(to=[pods(namespace, program)], ports=[tcp(port), *([tcp(HBONE_PORT)] if args.mesh else [])]),
        ],
    )
