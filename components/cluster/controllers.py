"""The programs in the cluster that the platform leans on, each with an identity of its own."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.cluster.chart import Chart, release
from components.cluster.cluster import Cluster
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity

AUTOSCALER = Chart("cluster-autoscaler", "9.50.1", "https://kubernetes.github.io/autoscaler")
LOAD_BALANCER = Chart("aws-load-balancer-controller", "1.14.0", "https://aws.github.io/eks-charts")
EXTERNAL_SECRETS = Chart("external-secrets", "0.20.4", "https://charts.external-secrets.io")
METRICS_SERVER = Chart("metrics-server", "3.13.0", "https://kubernetes-sigs.github.io/metrics-server")
MONITOR_TYPES = Chart("prometheus-operator-crds", "25.0.1", "https://prometheus-community.github.io/helm-charts")

SYSTEM = "kube-system"
SECRETS = "external-secrets"


@dataclass(frozen=True, slots=True)
class ControllersArgs:
    """Where they run. `mirror`: where charts come from, see `components.cluster.chart.release`."""

    cluster: Cluster
    account: str
    region: str
    vpc_id: pulumi.Input[str]
    mirror: str | None = None
    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"at least one copy of each controller must run, not {self.copies}")


class Controllers(pulumi.ComponentResource):
    """Installs cluster autoscaler, AWS load balancer controller, External Secrets, metrics server, monitor types.

    The load balancer controller only registers pods with target groups that exist already, so its role can do no more.
    """

    load_balancer: k8s.helm.v3.Release
    load_balancer_identity: PodIdentity
    external_secrets: k8s.helm.v3.Release
    external_secrets_identity: PodIdentity
    monitor_types: k8s.helm.v3.Release

    def __init__(self, name: str, args: ControllersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sensor-analytics:cluster:Controllers", name, {}, opts)
        self._args = args
        self._autoscaler()
        self._load_balancer()
        self._external_secrets()
        release("metrics-server", METRICS_SERVER, SYSTEM, {}, mirror=args.mirror, parent=self)
        self.monitor_types = release("monitor-types", MONITOR_TYPES, SYSTEM, {}, mirror=args.mirror, parent=self)
        self.register_outputs({})

    def _autoscaler(self) -> None:
        cluster = self._args.cluster
        identity = cluster.identity("cluster-autoscaler", SYSTEM, "cluster-autoscaler", self)
        place = f"{self._args.region}:{self._args.account}"
        owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster.name}": "owned"}}
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
                [f"arn:aws:autoscaling:{place}:autoScalingGroup:*:autoScalingGroupName/eks-*"],
                owned,
            ),
            Statement(("eks:DescribeNodegroup",), [f"arn:aws:eks:{place}:nodegroup/{cluster.name}/*"]),
        )
        release(
            "cluster-autoscaler",
            AUTOSCALER,
            SYSTEM,
            {
                "awsRegion": self._args.region,
                "autoDiscovery": {"clusterName": cluster.name},
                "rbac": {"serviceAccount": {"name": "cluster-autoscaler"}},
                "extraArgs": {"balance-similar-node-groups": True, "skip-nodes-with-system-pods": False},
            },
            mirror=self._args.mirror,
            parent=self,
            after=identity.ready,
        )

    def _load_balancer(self) -> None:
        args = self._args
        identity = args.cluster.identity("load-balancer", SYSTEM, "aws-load-balancer-controller", self)
        # These calls know no resource.
        look = (
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstances",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        )
        identity.allow("look", Statement(look, ["*"]))
        self.load_balancer_identity = identity
        self.load_balancer = release(
            "load-balancer",
            LOAD_BALANCER,
            SYSTEM,
            {
                "clusterName": args.cluster.name,
                # Pods cannot ask the metadata service for these two.
                "region": args.region,
                "vpcId": args.vpc_id,
                "replicaCount": args.copies,
                "serviceAccount": {"name": "aws-load-balancer-controller"},
                "ingressClass": None,
                "createIngressClassResource": False,
                "enableServiceMutatorWebhook": False,
            },
            mirror=args.mirror,
            parent=self,
            after=identity.ready,
        )

    def _external_secrets(self) -> None:
        identity = self._args.cluster.identity("external-secrets", SECRETS, "external-secrets", self)
        self.external_secrets_identity = identity
        self.external_secrets = release(
            "external-secrets",
            EXTERNAL_SECRETS,
            SECRETS,
            {
                "replicaCount": self._args.copies,
                "serviceAccount": {"name": "external-secrets"},
                "processClusterPushSecret": False,
                "processPushSecret": False,
            },
            mirror=self._args.mirror,
            parent=self,
            after=identity.ready,
            create_namespace=True,
        )
