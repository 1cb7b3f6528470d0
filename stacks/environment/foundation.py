"""Foundation: network, cluster. The cluster's security group is the one of its pods."""

from dataclasses import dataclass

import pulumi

from components.account.github_deployment import role_arn, role_settings
from components.cluster.cluster import Cluster, ClusterArgs
from components.cluster.config import ClusterConfig
from components.network.network import Network, NetworkArgs
from stacks.config import PROJECT, EnvironmentConfig
from stacks.environment.retained import Retained
from stacks.providers import stack_tags
from stacks.retained import name_of


@dataclass(frozen=True, slots=True)
class Foundation:
    """What everything else stands on."""

    network: Network
    cluster: Cluster


def admitted(config: EnvironmentConfig, stack: str) -> ClusterConfig:
    """Return what a stack says of its cluster, with the roles that deploy and preview it among who may enter."""
    deploy, preview = (role_arn(PROJECT, config.account, name) for name in (f"deploy-{stack}", "preview"))
    return config.cluster.admitting(deploy, preview)


def make_foundation(
    config: EnvironmentConfig, stack: str, retained: Retained, opts: pulumi.ResourceOptions
) -> Foundation:
    """Declare what everything else stands on."""
    roles = role_settings(PROJECT, config.account, stack)
    network = Network(
        "network",
        NetworkArgs(
            config=config.network,
            region=config.region,
            account=config.account,
            flow_log_group_arn=retained.flow_log_group_arn,
            roles=roles,
        ),
        opts,
    )
    cluster = Cluster(
        "cluster",
        ClusterArgs(
            config=admitted(config, stack),
            name=name_of(stack),
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            private_subnets=dict(zip(config.network.zones, network.private_subnet_ids, strict=True)),
            key=retained.key,
            roles=roles,
            tags=stack_tags(stack),
            protected=config.protected,
        ),
        opts,
    )
    return Foundation(network, cluster)
