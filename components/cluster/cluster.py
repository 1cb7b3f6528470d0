"""The Kubernetes cluster: control plane, machines, and the add-ons that AWS keeps.

Wiring decisions: the cluster knows people and roles by access entries only, never by who created it. Nothing is on the
nodes' role but what a node itself needs; pods have identities of their own (EKS Pod Identity) and cannot reach the
metadata service (IMDSv2, one hop). A node is ready only with a network, and the network's pods need their identity:
these add-ons come before the nodes, and those whose pods need a node come after them. One version of Kubernetes decides
the control plane's, the add-ons' and the nodes', and another one arrives in this order: control plane, the nodes' own
add-ons, nodes, the add-ons that run as pods anywhere, then what the cluster installs.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s

from components.cluster.config import AddonName, ClusterConfig
from components.cluster.node_groups import NodeGroups, NodeGroupsArgs
from components.component import Component
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import MANAGED_POLICY, RoleSettings, role, trust
from components.identity.pod_identity import PodIdentities, PodIdentity

ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEWER = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
"""Reads everything but secrets."""
NETWORK = {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true"}}
"""What vpc-cni is told. With prefixes a node has addresses for its pods; by single ones a t3.medium has 17."""
LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


@dataclass(frozen=True, slots=True)
class ClusterArgs:
    """What the cluster is made of. Its name is fixed, so that its log group can be there before it (`log_group`).

    `private_subnets`: the private subnet of each zone of the network, in their order. `key` encrypts Kubernetes'
    secrets. `tags`: of the machines, disks, interfaces and volumes that AWS makes for it, which a provider's default
    tags do not reach.
    """

    config: ClusterConfig
    name: str
    account: str
    region: str
    vpc_id: pulumi.Input[str]
    private_subnets: Mapping[str, pulumi.Input[str]]
    key: EncryptionKey
    roles: RoleSettings
    tags: Mapping[str, str]
    protected: bool = False


class Cluster(Component):
    """An EKS cluster that is ready for pods.

    Makes:

    - the control plane (through pulumi-eks), with its role
    - an access entry, with a policy, for each administrator and viewer
    - the nodes (NodeGroups)
    - the add-ons vpc-cni (with network policies), kube-proxy, coredns, eks-pod-identity-agent and aws-ebs-csi-driver,
      in the versions that AWS recommends for the cluster's, or in the configured ones
    - an encrypted default storage class
    - the Kubernetes provider
    """

    name: str
    arn: str
    security_group_id: pulumi.Output[str]
    """The group of the control plane and of every node and pod."""
    kubeconfig: pulumi.Output[str]
    control_plane: eks.Cluster
    nodes: NodeGroups
    provider: k8s.Provider
    identities: PodIdentities

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self.name = args.name
        self.arn = f"arn:aws:eks:{args.region}:{args.account}:cluster/{args.name}"
        self.control_plane = self._control_plane()
        self.identities = PodIdentities(self.name, self.arn, args.roles, (self.control_plane,))
        self.security_group_id = self.control_plane.cluster_security_group_id
        self.kubeconfig = pulumi.Output.secret(self.control_plane.kubeconfig_json)
        access_entries = [
            *self._access_entries("administrator", ADMINISTRATOR, args.config.administrators),
            *self._access_entries("viewer", VIEWER, args.config.viewers),
        ]
        identity_agent = self._addon("eks-pod-identity-agent")
        cni = self._system_identity("aws-node", f"{MANAGED_POLICY}/AmazonEKS_CNI_Policy")
        network = self._addon("vpc-cni", [identity_agent, *cni.dependencies], json.dumps(NETWORK))
        self.nodes = self._nodes(after=[network, self._addon("kube-proxy")])
        dns = self._addon("coredns", self.nodes.groups)
        csi = self._system_identity(
            "ebs-csi-controller-sa", f"{MANAGED_POLICY}/service-role/AmazonEBSCSIDriverPolicyV2"
        )
        controller = {"replicaCount": 2 if args.protected else 1, "extraVolumeTags": dict(args.tags)}
        volumes = json.dumps({"controller": controller})
        storage = self._addon("aws-ebs-csi-driver", [*self.nodes.groups, *csi.dependencies], volumes)
        self.provider = k8s.Provider(
            name,
            kubeconfig=self.kubeconfig,
            # Without it, a changed kubeconfig would replace everything in the cluster.
            cluster_identifier=self.arn,
            enable_server_side_apply=True,
            # Whoever deploys enters as one of the administrators.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[dns, storage, *access_entries]),
        )
        k8s.storage.v1.StorageClass(
            "gp3",
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name="gp3", annotations={"storageclass.kubernetes.io/is-default-class": "true"}
            ),
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider),
        )
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "kubeconfig": self.kubeconfig,
                "securityGroupId": self.security_group_id,
            }
        )

    def _control_plane(self) -> eks.Cluster:
        args, config = self._args, self._args.config
        service_role = role(
            f"{self._name}-control-plane",
            trust("eks.amazonaws.com"),
            args.roles,
            self,
            "Control plane of the cluster",
        )
        attached = aws.iam.RolePolicyAttachment(
            f"{self._name}-control-plane",
            role=service_role.name,
            policy_arn=f"{MANAGED_POLICY}/AmazonEKSClusterPolicy",
            opts=self._child,
        )
        return eks.Cluster(
            self._name,
            name=args.name,
            version=config.version,
            # By default AWS would go on at six times the price when standard support ends.
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            vpc_id=args.vpc_id,
            private_subnet_ids=list(args.private_subnets.values()),
            service_role=service_role,
            authentication_mode=eks.AuthenticationMode.API,
            endpoint_private_access=True,
            endpoint_public_access=bool(config.public_access_cidrs),
            public_access_cidrs=[str(cidr) for cidr in config.public_access_cidrs] or None,
            enabled_cluster_log_types=list(LOG_TYPES),
            encryption_config_key_arn=args.key.arn,
            deletion_protection=args.protected,
            # Everything below is a resource of our own, so that it can be read, ordered and checked like the others.
            skip_default_node_group=True,
            skip_default_security_groups=True,
            create_instance_role=False,
            create_oidc_provider=False,
            bootstrap_self_managed_addons=False,
            use_default_vpc_cni=True,
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attached], transforms=[disable_creator_admin]),
        )

    def _access_entries(self, kind: str, policy_arn: str, principals: Sequence[str]) -> Iterator[pulumi.Resource]:
        """Give each principal an entry, and a policy that holds in every namespace."""
        for index, principal in enumerate(principals):
            name, within = (
                f"{self._name}-{kind}-{index}",
                pulumi.ResourceOptions(parent=self, depends_on=[self.control_plane]),
            )
            entry = aws.eks.AccessEntry(name, cluster_name=self.name, principal_arn=principal, opts=within)
            yield aws.eks.AccessPolicyAssociation(
                name,
                cluster_name=self.name,
                principal_arn=entry.principal_arn,
                policy_arn=policy_arn,
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=within,
            )

    def _nodes(self, after: Sequence[pulumi.Resource]) -> NodeGroups:
        args, config = self._args, self._args.config
        return NodeGroups(
            f"{self._name}-nodes",
            NodeGroupsArgs(
                config=config.nodes,
                cluster=self.name,
                version=config.version,
                subnets=args.private_subnets,
                roles=args.roles,
                tags=args.tags,
                after=[self.control_plane, *after],
            ),
            self._child,
        )

    def _system_identity(self, service_account: str, policy_arn: str) -> PodIdentity:
        identity = self.identities.make(f"{self._name}-{service_account}", "kube-system", service_account, self)
        identity.attach(policy_arn)
        return identity

    def _addon(
        self, addon: AddonName, after: Sequence[pulumi.Resource] = (), configuration: str | None = None
    ) -> aws.eks.Addon:
        config = self._args.config
        recommended = aws.eks.get_addon_version_output(
            addon_name=addon, kubernetes_version=config.version, opts=pulumi.InvokeOptions(parent=self)
        )
        return aws.eks.Addon(
            f"{self._name}-{addon}",
            addon_name=addon,
            addon_version=config.addons.get(addon, recommended.version),
            cluster_name=self.name,
            configuration_values=configuration,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.control_plane, *after]),
        )


def log_group(cluster: str) -> str:
    """Return where EKS writes the logs of a control plane; it makes the group where there is none."""
    return f"/aws/eks/{cluster}/cluster"


def disable_creator_admin(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Change what pulumi-eks makes: it lets whoever creates a cluster in.

    EKS does that by an entry of its own, which stands in the way of ours for the role that deploys.
    """
    if args.type_ != "aws:eks/cluster:Cluster":
        return None
    requested: Any = args.props["accessConfig"]
    access = {**requested, "bootstrapClusterCreatorAdminPermissions": False}
    return pulumi.ResourceTransformResult({**args.props, "accessConfig": access}, args.opts)
