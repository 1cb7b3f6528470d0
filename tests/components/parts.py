"""Components to try others with."""

from typing import Any

import pulumi_aws as aws

from components.cluster.cluster import Cluster, ClusterArgs
from components.cluster.config import ClusterConfig
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import RoleSettings
from components.identity.pod_identity import PodIdentities, PodIdentity, PodIdentityArgs
from components.network.config import NetworkConfig
from components.network.network import Network, NetworkArgs
from delivery.recording import ACCOUNT, REGION

ROLES = RoleSettings("/try/", f"arn:aws:iam::{ACCOUNT}:policy/try-boundary")
TAGS = {"stack": "try"}
LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:flows"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/try"


def key(name: str = "key") -> EncryptionKey:
    return EncryptionKey(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}")


def identities() -> PodIdentities:
    return PodIdentities("try", CLUSTER_ARN, ROLES)


def identity(name: str = "pods") -> PodIdentity:
    return PodIdentity(name, PodIdentityArgs("try", CLUSTER_ARN, "sensors", name, ROLES))


def network(**changes: Any) -> Network:
    config = NetworkConfig(**({"cidr": "10.0.0.0/16", "zones": ("eu-west-1a", "eu-west-1b")} | changes))
    return Network("network", NetworkArgs(config, REGION, ACCOUNT, LOG_GROUP, ROLES))


def cluster(**changes: Any) -> Cluster:
    principals: dict[str, Any] = {
        "administrators": [f"arn:aws:iam::{ACCOUNT}:role/deploy"],
        "viewers": [f"arn:aws:iam::{ACCOUNT}:role/preview"],
    }
    args = ClusterArgs(
        config=ClusterConfig(**(principals | changes)),
        name="try",
        account=ACCOUNT,
        region=REGION,
        vpc_id="vpc-1",
        private_subnets={"eu-west-1a": "subnet-3", "eu-west-1b": "subnet-4"},
        key=key("secrets"),
        roles=ROLES,
        tags=TAGS,
    )
    return Cluster("cluster", args)


def role(name: str = "deploy") -> aws.iam.Role:
    return aws.iam.Role(name, assume_role_policy="{}")
