"""Istio in its ambient mode: a control plane, on each node what encrypts for its pods, and a gateway at the way in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.declaration import Server
from components.cluster.chart import Chart, disabled, release, requests
from components.cluster.config import ChartsConfig
from components.cluster.namespace import Namespace, NamespaceArgs
from components.component import Component
from components.network.ingress import PodTarget
from components.workload.mesh import NETWORKING_API, SECURITY_API, Account
from components.workload.network_rules import (
    HBONE_PORT,
    NAME_LABEL,
    addresses,
    dns,
    pods,
    tcp,
)

CONTROL_PLANE = Chart("istiod", "1.30.4", "https://istio-release.storage.googleapis.com/charts")
# Istio's other charts are released with it.
BASE, CNI, ZTUNNEL, GATEWAY = (replace(CONTROL_PLANE, name=name) for name in ("base", "cni", "ztunnel", "gateway"))

SYSTEM = "istio-system"
INGRESS = "istio-ingress"
"""The gateway's name: of its pods, their account, its Service and its Gateway."""

XDS_PORT, WEBHOOK_PORT = 15012, 15017
INGRESS_PORT, HEALTH_PORT = 8080, 15021
HEALTH_PATH = "/healthz/ready"

Egress = k8s.networking.v1.NetworkPolicyEgressRuleArgs
Ingress = k8s.networking.v1.NetworkPolicyIngressRuleArgs

INGRESS_TARGET = PodTarget(INGRESS, INGRESS_PORT, HEALTH_PORT, HEALTH_PATH)
"""What the load balancer sends requests to, instead of the pods of services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IstioArgs:
    """How many pods of its control plane run; `members`: the namespace in which its gateway stands.

    `api_server`: addresses from and at which the API server is met.
    """

    charts: ChartsConfig
    members: str
    api_server: Sequence[str]
    replicas: int = 1
    after: Sequence[pulumi.Resource] = ()


class Istio(Component):
    """What a mesh runs on. It takes no pod in by itself: labels of pods and namespaces do.

    Makes:

    - a namespace, with network policies: who asks the control plane, and whom it asks
    - Istio's types and its control plane
    - on each node, what takes pods in (istio-cni) and what encrypts for them (ztunnel)
    """

    control_plane: k8s.helm.v3.Release

    def __init__(self, name: str, args: IstioArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args = name, args
        # The two on each node change their pods' networks.
        namespace = Namespace(
            SYSTEM, NamespaceArgs(SYSTEM, pod_security="privileged"), pulumi.ResourceOptions(parent=self)
        )
        policies = [
            _network_policy(program, SYSTEM, *rules, self, [namespace]) for program, rules in self._rules().items()
        ]
        before = (namespace, *policies, *args.after)
        types = self._install(BASE, {}, before)
        self.control_plane = self._install(CONTROL_PLANE, _control_plane(args.replicas), (*before, types))
        cni = self._install(
            CNI, {"profile": "ambient", "resources": requests("10m", "64Mi")}, (*before, self.control_plane)
        )
        # Its memory grows with the pods of the cluster: the chart asks for what 200,000 take.
        self._install(ZTUNNEL, {"resources": requests("20m", "48Mi")}, (*before, self.control_plane, cni))
        self.register_outputs({})

    def _install(
        self, chart: Chart, values: Mapping[str, Any], after: Sequence[pulumi.Resource]
    ) -> k8s.helm.v3.Release:
        return release(
            f"{self._name}-{chart.name}", chart, SYSTEM, values, charts=self._args.charts, parent=self, after=after
        )

    def _rules(self) -> dict[str, tuple[list[Ingress], list[Egress]]]:
        """Return who may call each program, and whom it may call."""
        nodes = [addresses(cidr) for cidr in self._args.api_server]
        asks_api_server = Egress(to=nodes, ports=[tcp(443)])
        clients = [pods(SYSTEM, ZTUNNEL.name), pods(self._args.members, INGRESS)]
        return {
            CONTROL_PLANE.name: (
                [
                    Ingress(from_=clients, ports=[tcp(XDS_PORT)]),
                    Ingress(from_=nodes, ports=[tcp(WEBHOOK_PORT)]),
                ],
                [dns(), asks_api_server],
            ),
            f"istio-{CNI.name}": ([], [dns(), asks_api_server]),
            ZTUNNEL.name: ([], [dns(), Egress(to=[pods(SYSTEM, CONTROL_PLANE.name)], ports=[tcp(XDS_PORT)])]),
        }


def _control_plane(replicas: int) -> dict[str, Any]:
    return {
        "profile": "ambient",
        "autoscaleEnabled": False,
        "replicaCount": replicas,
        # For a thousand services the chart asks for half a processor and 2 GiB.
        "resources": requests("50m", "256Mi"),
        # Only the load balancer is between a client and the gateway.
        "meshConfig": {"defaultConfig": {"gatewayTopology": {"numTrustedProxies": 1}}},
        # It makes no gateways by itself, so it need not be allowed to start pods.
        "env": {"PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false"},
        # Of one pod, a budget would keep its node for ever.
        "global": {"defaultPodDisruptionBudget": {"enabled": replicas > 1}},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressGatewayArgs:
    """`routes`: what it leads to. `load_balancer`: the ranges that requests from outside come from, as nobody's.

    `after`: the namespace, and the control plane.
    """

    charts: ChartsConfig
    namespace: str
    routes: Sequence[Server]
    load_balancer: Sequence[str]
    replicas: int = 1
    after: Sequence[pulumi.Resource] = ()


class IngressGateway(Component):
    """The way from the load balancer into the mesh: plain HTTP ends here, and from here on it is encrypted.

    Makes:

    - the gateway's pods and Service, from its chart, and its Gateway; each service brings its own routes
    - a network policy and an AuthorizationPolicy: the load balancer may call it, and it may call what it leads to
    """

    account: Account

    def __init__(self, name: str, args: IngressGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.account = Account(args.namespace, INGRESS)
        policy = _network_policy(
            INGRESS,
            args.namespace,
            [
                Ingress(
                    from_=[addresses(cidr) for cidr in args.load_balancer], ports=[tcp(INGRESS_PORT), tcp(HEALTH_PORT)]
                )
            ],
            [
                dns(),
                Egress(to=[pods(SYSTEM, CONTROL_PLANE.name)], ports=[tcp(XDS_PORT)]),
                Egress(to=[pods(args.namespace, route.name) for route in args.routes], ports=[tcp(HBONE_PORT)]),
            ],
            self,
            args.after,
        )
        release(
            name,
            GATEWAY,
            args.namespace,
            _gateway(args.replicas),
            charts=args.charts,
            parent=self,
            after=(policy, *args.after),
        )
        selected = {NAME_LABEL: INGRESS}
        _custom(
            f"{name}-listener",
            NETWORKING_API,
            "Gateway",
            self.account,
            {
                "selector": selected,
                "servers": [{"port": {"number": INGRESS_PORT, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
            },
            self,
            args.after,
        )
        _custom(
            f"{name}-callers",
            SECURITY_API,
            "AuthorizationPolicy",
            self.account,
            {
                "selector": {"matchLabels": selected},
                "action": "ALLOW",
                "rules": [
                    {
                        "from": [{"source": {"ipBlocks": list(args.load_balancer)}}],
                        "to": [{"operation": {"ports": [str(INGRESS_PORT)]}}],
                    }
                ],
            },
            self,
            args.after,
        )
        self.register_outputs({})


def _gateway(replicas: int) -> dict[str, Any]:
    ports = {"http": INGRESS_PORT, "status": HEALTH_PORT}
    return {
        "name": INGRESS,
        "replicaCount": replicas,
        # It reads no certificate of a Secret: TLS ends at the load balancer.
        **disabled("autoscaling", "rbac"),
        "service": {
            "type": "ClusterIP",
            "ports": [
                {"name": name, "port": port, "targetPort": port, "protocol": "TCP"} for name, port in ports.items()
            ],
        },
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "resources": requests("100m", "128Mi"),
        # The load balancer needs some seconds to learn that a pod goes; until then it still answers.
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
        "terminationGracePeriodSeconds": 45,
        **({"podDisruptionBudget": {"maxUnavailable": 1}} if replicas > 1 else {}),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {NAME_LABEL: INGRESS}},
            }
        ],
    }


class StrictNamespace(Component):
    """A namespace in the mesh, in which nobody is heard without a proven identity, and nobody who was not named.

    Makes:

    - a PeerAuthentication: only mutual TLS
    - an AuthorizationPolicy that allows nothing; each workload names its callers
    """

    def __init__(
        self, name: str, namespace: str, after: Sequence[pulumi.Resource], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        everyone = Account(namespace, "default")
        _custom(f"{name}-mtls", SECURITY_API, "PeerAuthentication", everyone, {"mtls": {"mode": "STRICT"}}, self, after)
        _custom(f"{name}-nobody", SECURITY_API, "AuthorizationPolicy", Account(namespace, "nobody"), {}, self, after)
        self.register_outputs({})


def _custom(
    name: str,
    api: str,
    kind: str,
    named: Account,
    spec: Mapping[str, Any],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> k8s.apiextensions.CustomResource:
    return k8s.apiextensions.CustomResource(
        name,
        api_version=api,
        kind=kind,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=named.name, namespace=named.namespace),
        spec=dict(spec),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )


def _network_policy(
    program: str,
    namespace: str,
    ingress: list[Ingress],
    egress: list[Egress],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource],
) -> k8s.networking.v1.NetworkPolicy:
    return k8s.networking.v1.NetworkPolicy(
        program,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=program, namespace=namespace),
        spec=k8s.networking.v1.NetworkPolicySpecArgs(
            pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={NAME_LABEL: program}),
            policy_types=["Ingress", "Egress"],
            ingress=ingress,
            egress=egress,
        ),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )
