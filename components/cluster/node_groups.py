"""The machines of the cluster: a managed node group in each zone in which nodes stand.

A volume is of one zone, and so is a group: a node that is lost comes back where its volumes are, and the autoscaler can
ask for one there (docs/adr/0019-a-node-group-is-of-one-zone.md).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.cluster.config import NodesConfig
from components.component import Component
from components.identity.iam import MANAGED_POLICY, RoleSettings, role, trust

TAGGED = ("instance", "volume", "network-interface")
"""What EC2 makes from a launch template."""


@dataclass(frozen=True, slots=True)
class NodeGroupsArgs:
    """Which machines, of which cluster and version of Kubernetes, after what.

    `subnets`: the private subnet of each zone of the network, in their order. `tags`: of the machines, their disks and
    interfaces, which a provider's default tags do not reach.
    """

    config: NodesConfig
    cluster: str
    version: str
    subnets: Mapping[str, pulumi.Input[str]]
    roles: RoleSettings
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Between how many and how many nodes a group has, and how many it shall have now."""

    minimum: int
    maximum: int
    desired: int


class NodeGroups(Component):
    """The nodes of a cluster, all alike.

    Makes:

    - a managed node group in each zone in which nodes stand
    - the launch template and the role that they share
    """

    groups: list[aws.eks.NodeGroup]

    def __init__(self, name: str, args: NodeGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._role = role(name, trust("ec2.amazonaws.com"), args.roles, self, "Nodes of the cluster")
        self._attached = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=self._role.name, policy_arn=f"{MANAGED_POLICY}/{policy}", opts=self._child
            )
            for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
        ]
        self._template = self._launch_template(name)
        nodes, zones = args.config, list(args.subnets)[: args.config.zones]
        found = existing_sizes(args.cluster, pulumi.InvokeOptions(parent=self))
        self.groups = [
            self._group(f"{name}-{zone}", zone, minimum, maximum, found)
            for zone, minimum, maximum in zip(
                zones, shares(nodes.minimum, len(zones)), shares(nodes.maximum, len(zones)), strict=True
            )
        ]
        self.register_outputs({})

    def _launch_template(self, name: str) -> aws.ec2.LaunchTemplate:
        nodes = self._args.config
        return aws.ec2.LaunchTemplate(
            name,
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=nodes.disk_gib,
                        volume_type="gp3",
                        encrypted="true",
                        delete_on_termination="true",
                    ),
                )
            ],
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=dict(self._args.tags))
                for kind in TAGGED
            ],
            user_data=base64.b64encode(node_config(nodes.max_pods).encode()).decode(),
            update_default_version=True,
            opts=self._child,
        )

    def _group(self, name: str, zone: str, minimum: int, maximum: int, found: Mapping[str, Sizes]) -> aws.eks.NodeGroup:
        args, nodes = self._args, self._args.config
        # The rest of its name is made up, so that one that replaces it can be made first.
        prefix = f"{name}-"
        now = next((sizes for group, sizes in found.items() if group.startswith(prefix)), None)
        unchanged = now is None or (now.minimum, now.maximum) == (minimum, maximum)
        return aws.eks.NodeGroup(
            name,
            node_group_name_prefix=prefix,
            cluster_name=args.cluster,
            node_role_arn=self._role.arn,
            subnet_ids=[args.subnets[zone]],
            ami_type="AL2023_x86_64_STANDARD",
            version=args.version,
            release_version=nodes.ami_release,
            instance_types=[nodes.instance_type],
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=self._template.id, version=self._template.latest_version.apply(str)
            ),
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=minimum,
                max_size=maximum,
                desired_size=min(max(now.desired, minimum), maximum) if now else minimum,
            ),
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self._attached, *args.after],
                # The autoscaler moves the desired size: it is ours only where other limits must go with it.
                ignore_changes=["scalingConfig.desiredSize"] if unchanged else None,
            ),
        )


def existing_sizes(cluster: str, opts: pulumi.InvokeOptions) -> dict[str, Sizes]:
    """Return the sizes that a cluster's node groups have on AWS now, by name; none where there is no cluster yet."""
    if cluster not in aws.eks.get_clusters(opts=opts).names:
        return {}
    found = {}
    for name in aws.eks.get_node_groups(cluster_name=cluster, opts=opts).names:
        (scaling,) = aws.eks.get_node_group(cluster_name=cluster, node_group_name=name, opts=opts).scaling_configs
        found[name] = Sizes(scaling.min_size, scaling.max_size, scaling.desired_size)
    return found


def shares(total: int, zones: int) -> list[int]:
    """Divide a number of nodes among zones, as evenly as it goes: the first ones get what is left over."""
    return [total // zones + (index < total % zones) for index in range(zones)]


def node_config(max_pods: int) -> str:
    """Return user data that tells a node how many pods it may run.

    AL2023 takes the number from a table that knows no prefixes, and reserves memory by it: both are said here.
    """
    kubelet = {"maxPods": max_pods, "kubeReserved": {"memory": f"{reserved_mib(max_pods)}Mi"}}
    node = {"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": {"kubelet": {"config": kubelet}}}
    return (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n'
        f"--//\nContent-Type: application/node.eks.aws\n\n{json.dumps(node)}\n--//--\n"
    )


def reserved_mib(max_pods: int) -> int:
    """Return the memory, in MiB, that a node keeps from pods for the kubelet."""
    return 255 + 11 * max_pods
