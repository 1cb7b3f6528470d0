"""Components to try others with."""

from ipaddress import IPv4Network

import pulumi_aws as aws

from components.cluster.cluster import Cluster, ClusterArgs
from components.identity.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.identity.iam import RoleSettings
from components.identity.pod_identity import PodIdentity, PodIdentityArgs
from components.network.network import Network, NetworkArgs
from delivery.recording import ACCOUNT, REGION

ROLES = RoleSettings("/try/", f"arn:aws:iam::{ACCOUNT}:policy/try-boundary")
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/try"


def key(name="key"):
    return EncryptionKey(name, EncryptionKeyArgs("tests", ACCOUNT))


def identity(name="pods"):
    return PodIdentity(name, PodIdentityArgs("try", CLUSTER_ARN, "sensors", name, ROLES))


def network(**changes):
    args = {
        "region": REGION,
        "account": ACCOUNT,
        "cidr": IPv4Network("10.0.0.0/16"),
        "zones": ("eu-west-1a", "eu-west-1b"),
        "nat_per_zone": False,
        "private_endpoints": False,
        "log_key": key("logs"),
        "roles": ROLES,
    }
    return Network("network", NetworkArgs(**(args | changes)))


def cluster(**changes):
    args = {
        "name": "try",
        "account": ACCOUNT,
        "region": REGION,
        "version": "1.34",
        "vpc_id": "vpc-1",
        "public_subnet_ids": ["subnet-1", "subnet-2"],
        "private_subnet_ids": ["subnet-3", "subnet-4"],
        "administrators": [f"arn:aws:iam::{ACCOUNT}:role/deploy"],
        "viewers": [f"arn:aws:iam::{ACCOUNT}:role/preview"],
        "reachable_from": [],
        "instance_type": "t3.medium",
        "minimum_nodes": 2,
        "maximum_nodes": 4,
        "node_disk_gib": 30,
        "key": key("secrets"),
        "log_key": key("cluster-logs"),
        "roles": ROLES,
    }
    return Cluster("cluster", ClusterArgs(**(args | changes)))


def role(name="deploy"):
    return aws.iam.Role(name, assume_role_policy="{}")
