"""Foundation: keys, network, cluster. The cluster's security group is the one of its pods."""

from dataclasses import dataclass

import pulumi

from components.account.github_deployment import role_settings
from components.cluster.cluster import Cluster, ClusterArgs
from components.identity.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.network.network import Network, NetworkArgs
from stacks.config import PROJECT, EnvironmentConfig
from stacks.providers import stack_tags


@dataclass(frozen=True, slots=True)
class Foundation:
    """What everything else stands on."""

    secrets_key: EncryptionKey
    data_key: EncryptionKey
    logs_key: EncryptionKey
    network: Network
    cluster: Cluster


def make_foundation(config: EnvironmentConfig, stack: str, opts: pulumi.ResourceOptions) -> Foundation:
    """Declare what everything else stands on."""
    roles = role_settings(PROJECT, config.account, stack)
    kept = config.database.final_snapshot
    # Not by the protection: it is lifted before the stack is taken down.
    grace = 30 if kept else 7

    def key(name: str, purpose: str, logs_region: str | None = None, *, outlives_stack: bool = False) -> EncryptionKey:
        args = EncryptionKeyArgs(f"{PROJECT}: {purpose}", config.account, logs_region, grace, outlives_stack)
        return EncryptionKey(f"{name}-key", args, opts)

    data = key("data", "readings on the stream and in the database", outlives_stack=kept)
    secrets = key("secrets", "secrets")
    logs = key("logs", "logs", config.region)
    network = Network(
        "network",
        NetworkArgs(
            config=config.network,
            region=config.region,
            account=config.account,
            log_key=logs,
            roles=roles,
        ),
        opts,
    )
    cluster = Cluster(
        "cluster",
        ClusterArgs(
            config=config.cluster,
            name=f"{PROJECT}-{stack}",
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            private_subnet_ids=network.private_subnet_ids,
            key=secrets,
            log_key=logs,
            roles=roles,
            tags=stack_tags(stack),
            protected=config.protected,
        ),
        opts,
    )
    return Foundation(secrets, data, logs, network, cluster)
