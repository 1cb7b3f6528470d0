"""The cluster: who reaches its API, what it logs, what its nodes and add-ons may do."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from policy.accounts import own_accounts
from policy.addresses import open_to_world
from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.documents import account_of, document
from policy.properties import Properties, any_of, as_list, get_path, is_true, strings

CLUSTER = ("aws:eks/cluster:Cluster", "eks:index:Cluster")
ADDON = ("aws:eks/addon:Addon",)
NODE_GROUP = ("aws:eks/nodeGroup:NodeGroup",)
ROLE = ("aws:iam/role:Role",)
ROLE_POLICY = ("aws:iam/rolePolicy:RolePolicy",)
ASSOCIATION = ("aws:eks/podIdentityAssociation:PodIdentityAssociation",)
ACCESS = ("aws:eks/accessEntry:AccessEntry", "aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
STORAGE_CLASS = ("kubernetes:storage.k8s.io/*:StorageClass",)

Find: TypeAlias = Callable[[Properties], Iterator[str]]

LOG_TYPES = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
NOT_BLOCKS = {"efs.csi.aws.com", "fsx.csi.aws.com", "s3.csi.aws.com"}
"""Provisioners of storage whose encryption the storage itself decides."""


def _private(props: Properties) -> Iterator[str]:
    if not (get_path(props, "vpcConfig", "endpointPrivateAccess") or props.get("endpointPrivateAccess")):
        yield "has no private endpoint: its nodes would reach it over the internet"


def _public(props: Properties) -> Iterator[str]:
    network = props.get("vpcConfig") or props
    cidrs = strings(network.get("publicAccessCidrs"))
    if network.get("endpointPublicAccess") is not False and (not cidrs or open_to_world(cidrs)):
        yield "answers the whole internet: name the networks in publicAccessCidrs"


def _logs(props: Properties) -> Iterator[str]:
    if missing := LOG_TYPES - set(as_list(props.get("enabledClusterLogTypes"))):
        yield f"does not log {', '.join(sorted(missing))}"


def _secrets(props: Properties) -> Iterator[str]:
    if not (get_path(props, "encryptionConfig", "provider", "keyArn") or props.get("encryptionConfigKeyArn")):
        yield "keeps secrets without a key of ours"


def _authentication(props: Properties) -> Iterator[str]:
    if (get_path(props, "accessConfig", "authenticationMode") or props.get("authenticationMode")) != "API":
        yield "lets the aws-auth ConfigMap decide who is admin: authenticationMode must be API"


def _access(entry: Resource, stack: Stack) -> Iterator[str]:
    principal = str(entry.props.get("principalArn"))
    if principal == "*" or principal.endswith(":root"):
        yield f"lets everybody of an account in ({principal}): name the role"
    account, own = account_of(principal), own_accounts(stack)
    if account and own and account not in own:
        yield f"lets another account in ({account})"


def _node_roles(policy: Resource, stack: Stack) -> Iterator[str]:
    role = stack.referred(policy, "role", ROLE)
    if role is not None and any_of(stack.of(NODE_GROUP), lambda group: group.refers_to(role, "nodeRoleArn")):
        yield "gives the node role a policy: every pod would inherit it; give it to the workload"


def _volume_tags(props: Properties) -> Iterator[str]:
    values = document(props.get("configurationValues") or "{}")
    if props.get("addonName") == "aws-ebs-csi-driver" and not get_path(values, "controller", "extraVolumeTags"):
        yield "makes volumes without tags: controller.extraVolumeTags in configurationValues"


def _network_policy(props: Properties) -> Iterator[str]:
    values = document(props.get("configurationValues") or "{}")
    if props.get("addonName") == "vpc-cni" and not is_true(values.get("enableNetworkPolicy")):
        yield "does not enforce NetworkPolicies: enableNetworkPolicy in configurationValues"


def _own_roles(association: Resource, stack: Stack) -> Iterator[str]:
    role, user = _role_and_user(association)
    for other in stack.of(ASSOCIATION):
        if other is association:
            return
        if _role_and_user(other)[0] == role and _role_and_user(other)[1] != user:
            yield f"shares the role {role} with {_role_and_user(other)[1]}: each workload has its own"
            return


def _role_and_user(association: Resource) -> tuple[Any, str]:
    user = f"{association.props.get('namespace')}/{association.props.get('serviceAccount')}"
    return association.props.get("roleArn"), user


def _volumes(props: Properties) -> Iterator[str]:
    if props.get("provisioner") in NOT_BLOCKS:
        return
    if not is_true(get_path(props, "parameters", "encrypted")):
        yield "makes volumes in clear: parameters.encrypted"


def _if_shown(find: Find) -> Find:
    """Pass over a component that an engine shows without its inputs: the cluster inside it is checked."""
    return lambda props: find(props) if props else iter(())


CHECKS = (
    ResourceCheck(
        name="eks-private-endpoint",
        description="The private endpoint is on",
        types=CLUSTER,
        find=_if_shown(_private),
        also=("CIS EKS 5.4.2",),
    ),
    ResourceCheck(
        name="eks-public-endpoint-restricted",
        description="The public endpoint names its networks, and they are not the internet in pieces",
        types=CLUSTER,
        find=_if_shown(_public),
        also=("CKV_AWS_38", "CIS EKS 5.4.1"),
    ),
    ResourceCheck(
        name="eks-logs",
        description="All five kinds of control plane logs are on",
        types=CLUSTER,
        find=_if_shown(_logs),
        also=("CKV_AWS_37", "CIS EKS 2.1.1"),
    ),
    ResourceCheck(
        name="eks-secrets-encrypted",
        description="Secrets are encrypted with a KMS key",
        types=CLUSTER,
        find=_if_shown(_secrets),
        also=("CKV_AWS_58", "CIS EKS 5.3.1"),
    ),
    ResourceCheck(
        name="eks-api-authentication",
        description="Access entries decide who is admin",
        types=CLUSTER,
        find=_if_shown(_authentication),
    ),
    StackCheck(
        name="eks-access-named",
        description="Roles of this account alone are let into the cluster",
        types=ACCESS,
        find=_access,
    ),
    ResourceCheck(
        name="network-policy-enforced",
        description="The network plugin enforces NetworkPolicies",
        types=ADDON,
        find=_network_policy,
        also=("CIS EKS 5.4.4",),
    ),
    ResourceCheck(
        name="volumes-tagged", description="The volumes of claims carry tags", types=ADDON, find=_volume_tags
    ),
    ResourceCheck(
        name="storage-class-encrypted",
        description="The volumes of claims are encrypted",
        types=STORAGE_CLASS,
        find=_volumes,
    ),
    StackCheck(name="own-roles", description="No two workloads share a role", types=ASSOCIATION, find=_own_roles),
    StackCheck(
        name="node-role-bare",
        description="The node role has AWS's own policies only",
        types=ROLE_POLICY,
        find=_node_roles,
    ),
)
