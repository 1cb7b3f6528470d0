"""The programs in the cluster that the platform leans on, each with an identity of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.cluster.chart import Chart, release, requests
from components.cluster.config import ChartsConfig
from components.component import Component
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentities, PodIdentity

AUTOSCALERS = {
    minor: Chart("cluster-autoscaler", version, "https://kubernetes.github.io/autoscaler")
    for minor, version in {"1.34": "9.53.0", "1.35": "9.59.0"}.items()
}
"""The autoscaler simulates the scheduler of one minor version of Kubernetes: the cluster's version chooses it."""

LOAD_BALANCER = Chart("aws-load-balancer-controller", "1.17.1", "https://aws.github.io/eks-charts")
EXTERNAL_SECRETS = Chart("external-secrets", "2.9.0", "https://charts.external-secrets.io")
METRICS_SERVER = Chart("metrics-server", "3.13.1", "https://kubernetes-sigs.github.io/metrics-server")
# Of the version of the operator that components/observability/monitoring.py installs.
MONITOR_TYPES = Chart("prometheus-operator-crds", "31.0.1", "https://prometheus-community.github.io/helm-charts")

KUBE_SYSTEM = "kube-system"
EXTERNAL_SECRETS_NAMESPACE = "external-secrets"


@dataclass(frozen=True, slots=True)
class ControllersArgs:
    """Where they run, on which minor version of Kubernetes, and how many pods of those that may have more than one."""

    charts: ChartsConfig
    kubernetes: str
    identities: PodIdentities
    account: str
    region: str
    vpc_id: pulumi.Input[str]
    replicas: int = 1

    def __post_init__(self) -> None:
        if self.replicas < 1:
            raise ValueError(f"at least one replica of each controller must run, not {self.replicas}")
        if self.kubernetes not in AUTOSCALERS:
            known = ", ".join(AUTOSCALERS)
            raise ValueError(
                f"there is an autoscaler for Kubernetes {known}, not {self.kubernetes}: add it to AUTOSCALERS"
            )


class Controllers(Component):
    """What the cluster runs for those that run in it.

    Makes, each from its chart:

    - the cluster autoscaler, with an identity that scales the node groups of this cluster
    - the AWS load balancer controller; it registers pods with target groups that exist already, so that is all that
      its identity may do
    - External Secrets, in a namespace and with an identity of its own
    - the metrics server
    - the types of the Prometheus operator
    """

    load_balancer: k8s.helm.v3.Release
    load_balancer_identity: PodIdentity
    external_secrets: k8s.helm.v3.Release
    external_secrets_identity: PodIdentity
    monitor_types: k8s.helm.v3.Release

    def __init__(self, name: str, args: ControllersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.monitor_types = release("monitor-types", MONITOR_TYPES, KUBE_SYSTEM, {}, charts=args.charts, parent=self)
        self._autoscaler()
        self._load_balancer()
        self._external_secrets()
        self._install("metrics-server", METRICS_SERVER, {"resources": requests("20m", "64Mi")})
        self.register_outputs({})

    def _install(
        self,
        name: str,
        chart: Chart,
        values: Mapping[str, Any],
        identity: PodIdentity | None = None,
        namespace: str = KUBE_SYSTEM,
    ) -> k8s.helm.v3.Release:
        return release(
            name,
            chart,
            namespace,
            values,
            charts=self._args.charts,
            parent=self,
            # Their ServiceMonitors need the types, their pods the identity.
            after=(self.monitor_types, *(identity.dependencies if identity else ())),
            create_namespace=namespace != KUBE_SYSTEM,
        )

    def _autoscaler(self) -> None:
        cluster = self._args.identities.cluster_name
        identity = self._args.identities.make("cluster-autoscaler", KUBE_SYSTEM, "cluster-autoscaler", self)
        scope = f"{self._args.region}:{self._args.account}"
        owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}
        identity.allow(
            "scale",
            # These calls know no resource.
            Statement(
                (
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeAutoScalingInstances",
                    "autoscaling:DescribeLaunchConfigurations",
                    "autoscaling:DescribeScalingActivities",
                    "autoscaling:DescribeTags",
                    "ec2:DescribeImages",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplateVersions",
                ),
                ["*"],
            ),
            Statement(
                ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"),
                # EKS names the groups that it makes for a node group.
                [f"arn:aws:autoscaling:{scope}:autoScalingGroup:*:autoScalingGroupName/eks-*"],
                owned,
            ),
            Statement(("eks:DescribeNodegroup",), [f"arn:aws:eks:{scope}:nodegroup/{cluster}/*"]),
        )
        self._install(
            "cluster-autoscaler",
            AUTOSCALERS[self._args.kubernetes],
            {
                "awsRegion": self._args.region,
                "autoDiscovery": {"clusterName": cluster},
                "rbac": {"serviceAccount": {"name": "cluster-autoscaler"}},
                "extraArgs": {
                    "balance-similar-node-groups": True,
                    "skip-nodes-with-system-pods": False,
                    # Every pod has an emptyDir, which is what it takes for local storage: no node would ever go.
                    "skip-nodes-with-local-storage": False,
                },
                "serviceMonitor": {"enabled": True, "namespace": KUBE_SYSTEM},
                "resources": requests("20m", "128Mi"),
            },
            identity,
        )

    def _load_balancer(self) -> None:
        args = self._args
        identity = args.identities.make("load-balancer", KUBE_SYSTEM, "aws-load-balancer-controller", self)
        # These calls know no resource.
        describe_actions = (
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstances",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        )
        identity.allow("describe", Statement(describe_actions, ["*"]))
        self.load_balancer_identity = identity
        self.load_balancer = self._install(
            "load-balancer",
            LOAD_BALANCER,
            {
                "clusterName": args.identities.cluster_name,
                # Pods cannot ask the metadata service for these two.
                "region": args.region,
                "vpcId": args.vpc_id,
                "replicaCount": args.replicas,
                "serviceAccount": {"name": "aws-load-balancer-controller"},
                "ingressClass": None,
                "createIngressClassResource": False,
                "enableServiceMutatorWebhook": False,
                # A pod that is made without its readiness gate would be ready before the load balancer knows it.
                "podMutatorWebhookConfig": {"failurePolicy": "Fail"},
                "serviceMonitor": {"enabled": True},
                "resources": requests("20m", "96Mi"),
            },
            identity,
        )

    def _external_secrets(self) -> None:
        identity = self._args.identities.make("external-secrets", EXTERNAL_SECRETS_NAMESPACE, "external-secrets", self)
        self.external_secrets_identity = identity
        helper = {"replicaCount": self._args.replicas, "resources": requests("10m", "48Mi")}
        self.external_secrets = self._install(
            "external-secrets",
            EXTERNAL_SECRETS,
            {
                "replicaCount": self._args.replicas,
                # Without it, every replica acts.
                "leaderElect": True,
                "webhook": helper,
                "certController": helper,
                "resources": requests("10m", "96Mi"),
                "serviceMonitor": {"enabled": True},
                "serviceAccount": {"name": "external-secrets"},
                "processClusterPushSecret": False,
                "processPushSecret": False,
            },
            identity,
            EXTERNAL_SECRETS_NAMESPACE,
        )
