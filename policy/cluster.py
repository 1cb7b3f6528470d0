"""The cluster: who reaches its API, what it logs, what its nodes may do."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from policy.check import Properties, Resource, ResourceCheck, StackCheck, dig, document, each, of

CLUSTER = "aws:eks/cluster:Cluster"
COMPONENT = "eks:index:Cluster"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ADDON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

Find: TypeAlias = Callable[[Properties, str], Iterator[str]]

LOG_TYPES = {"api", "audit", "authenticator", "controllerManager", "scheduler"}


def _private(props: Properties, _: str) -> Iterator[str]:
    if not (dig(props, "vpcConfig", "endpointPrivateAccess") or props.get("endpointPrivateAccess")):
        yield "has no private endpoint: its nodes would reach it over the internet"


def _public(props: Properties, _: str) -> Iterator[str]:
    network = props.get("vpcConfig") or props
    cidrs = each(network.get("publicAccessCidrs"))
    if network.get("endpointPublicAccess") is not False and (not cidrs or {"0.0.0.0/0", "::/0"} & set(cidrs)):
        yield "answers the whole internet: name the networks in publicAccessCidrs"


def _logs(props: Properties, _: str) -> Iterator[str]:
    if missing := LOG_TYPES - set(each(props.get("enabledClusterLogTypes"))):
        yield f"does not log {', '.join(sorted(missing))}"


def _secrets(props: Properties, _: str) -> Iterator[str]:
    if not (dig(props, "encryptionConfig", "provider", "keyArn") or props.get("encryptionConfigKeyArn")):
        yield "keeps secrets without a key of ours"


def _authentication(props: Properties, _: str) -> Iterator[str]:
    if (dig(props, "accessConfig", "authenticationMode") or props.get("authenticationMode")) != "API":
        yield "lets the aws-auth ConfigMap decide who is admin: authenticationMode must be API"


def _metadata(props: Properties, _: str) -> Iterator[str]:
    options = props.get("metadataOptions") or {}
    if options.get("httpTokens") != "required" or options.get("httpPutResponseHopLimit") != 1:
        yield "lets pods reach the node's credentials: httpTokens required and httpPutResponseHopLimit 1"


def _node_role(_: Properties, name: str) -> Iterator[str]:
    if "node" in name:
        yield "gives the node role a policy of its own: every pod would inherit it; give it to the workload"


def _node_disks(props: Properties, _: str) -> Iterator[str]:
    for device in each(props.get("blockDeviceMappings")):
        if str(dig(device, "ebs", "encrypted")).lower() != "true":
            yield f"leaves {device.get('deviceName')} in clear: ebs.encrypted"


def _network_policy(props: Properties, _: str) -> Iterator[str]:
    values = document(props.get("configurationValues") or "{}")
    if props.get("addonName") == "vpc-cni" and str(values.get("enableNetworkPolicy")).lower() != "true":
        yield "does not enforce NetworkPolicies: enableNetworkPolicy in configurationValues"


def _own_roles(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    users: dict[str, str] = {}
    for association in of(resources, ASSOCIATION):
        role, user = str(association.props.get("roleArn")), str(association.props.get("serviceAccount"))
        if users.setdefault(role, user) != user:
            yield association, f"shares the role {role} with {users[role]}: each workload has its own"


def _told(find: Find) -> Find:
    """Look away from a component that an engine shows without its inputs: the cluster inside it is looked at."""
    return lambda props, name: find(props, name) if props else iter(())


CHECKS = (
    ResourceCheck("eks-private-endpoint", "The private endpoint is on", (CLUSTER, COMPONENT), _told(_private)),
    ResourceCheck(
        "eks-public-endpoint-restricted", "The public endpoint names its networks", (CLUSTER, COMPONENT), _told(_public)
    ),
    ResourceCheck("eks-logs", "All five kinds of control plane logs are on", (CLUSTER, COMPONENT), _told(_logs)),
    ResourceCheck(
        "eks-secrets-encrypted", "Secrets are encrypted with a KMS key", (CLUSTER, COMPONENT), _told(_secrets)
    ),
    ResourceCheck(
        "eks-api-authentication", "Access entries decide who is admin", (CLUSTER, COMPONENT), _told(_authentication)
    ),
    ResourceCheck("node-disks-encrypted", "The disks of nodes are encrypted", (LAUNCH_TEMPLATE,), _node_disks),
    ResourceCheck("network-policy-enforced", "The network plugin enforces NetworkPolicies", (ADDON,), _network_policy),
    StackCheck("own-roles", "No two workloads share a role", _own_roles),
    ResourceCheck("node-metadata", "Pods cannot reach the node's credentials", (LAUNCH_TEMPLATE,), _metadata),
    ResourceCheck(
        "node-role-bare", "The node role has AWS's own policies only", ("aws:iam/rolePolicy:RolePolicy",), _node_role
    ),
)
