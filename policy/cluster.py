"""The cluster: who reaches its API, what it logs, what its nodes may do."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from policy.check import Properties, Resource, ResourceCheck, StackCheck, as_list, document, get_path, of_type

CLUSTER = "aws:eks/cluster:Cluster"
COMPONENT = "eks:index:Cluster"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ADDON = "aws:eks/addon:Addon"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

Find: TypeAlias = Callable[[Properties], Iterator[str]]

LOG_TYPES = {"api", "audit", "authenticator", "controllerManager", "scheduler"}


def _private(props: Properties) -> Iterator[str]:
    if not (get_path(props, "vpcConfig", "endpointPrivateAccess") or props.get("endpointPrivateAccess")):
        yield "has no private endpoint: its nodes would reach it over the internet"


def _public(props: Properties) -> Iterator[str]:
    network = props.get("vpcConfig") or props
    cidrs = as_list(network.get("publicAccessCidrs"))
    if network.get("endpointPublicAccess") is not False and (not cidrs or {"0.0.0.0/0", "::/0"} & set(cidrs)):
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


def _metadata(props: Properties) -> Iterator[str]:
    options = props.get("metadataOptions") or {}
    if options.get("httpTokens") != "required" or options.get("httpPutResponseHopLimit") != 1:
        yield "lets pods reach the node's credentials: httpTokens required and httpPutResponseHopLimit 1"


def _node_roles(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    groups = list(of_type(resources, NODE_GROUP))
    for role in of_type(resources, ROLE):
        if any(group.refers_to(role, "nodeRoleArn") for group in groups):
            for policy in of_type(resources, ROLE_POLICY):
                if policy.refers_to(role, "role"):
                    yield policy, "gives the node role a policy: every pod would inherit it; give it to the workload"


def _node_disks(props: Properties) -> Iterator[str]:
    for device in as_list(props.get("blockDeviceMappings")):
        if str(get_path(device, "ebs", "encrypted")).lower() != "true":
            yield f"leaves {device.get('deviceName')} in clear: ebs.encrypted"


def _tags(props: Properties) -> Iterator[str]:
    tagged = {spec.get("resourceType") for spec in as_list(props.get("tagSpecifications")) if spec.get("tags")}
    if missing := {"instance", "network-interface", "volume"} - tagged:
        yield f"leaves {', '.join(sorted(missing))} without tags: no bill says whose they are (tagSpecifications)"


def _volume_tags(props: Properties) -> Iterator[str]:
    values = document(props.get("configurationValues") or "{}")
    if props.get("addonName") == "aws-ebs-csi-driver" and not get_path(values, "controller", "extraVolumeTags"):
        yield "makes volumes without tags: controller.extraVolumeTags in configurationValues"


def _network_policy(props: Properties) -> Iterator[str]:
    values = document(props.get("configurationValues") or "{}")
    if props.get("addonName") == "vpc-cni" and str(values.get("enableNetworkPolicy")).lower() != "true":
        yield "does not enforce NetworkPolicies: enableNetworkPolicy in configurationValues"


def _own_roles(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    users: dict[str, str] = {}
    for association in of_type(resources, ASSOCIATION):
        role, user = str(association.props.get("roleArn")), str(association.props.get("serviceAccount"))
        if users.setdefault(role, user) != user:
            yield association, f"shares the role {role} with {users[role]}: each workload has its own"


def _if_shown(find: Find) -> Find:
    """Pass over a component that an engine shows without its inputs: the cluster inside it is checked."""
    return lambda props: find(props) if props else iter(())


CHECKS = (
    ResourceCheck("eks-private-endpoint", "The private endpoint is on", (CLUSTER, COMPONENT), _if_shown(_private)),
    ResourceCheck(
        "eks-public-endpoint-restricted",
        "The public endpoint names its networks",
        (CLUSTER, COMPONENT),
        _if_shown(_public),
    ),
    ResourceCheck("eks-logs", "All five kinds of control plane logs are on", (CLUSTER, COMPONENT), _if_shown(_logs)),
    ResourceCheck(
        "eks-secrets-encrypted", "Secrets are encrypted with a KMS key", (CLUSTER, COMPONENT), _if_shown(_secrets)
    ),
    ResourceCheck(
        "eks-api-authentication", "Access entries decide who is admin", (CLUSTER, COMPONENT), _if_shown(_authentication)
    ),
    ResourceCheck("node-disks-encrypted", "The disks of nodes are encrypted", (LAUNCH_TEMPLATE,), _node_disks),
    ResourceCheck("network-policy-enforced", "The network plugin enforces NetworkPolicies", (ADDON,), _network_policy),
    ResourceCheck("nodes-tagged", "Nodes, their disks and interfaces carry tags", (LAUNCH_TEMPLATE,), _tags),
    ResourceCheck("volumes-tagged", "The volumes of claims carry tags", (ADDON,), _volume_tags),
    StackCheck("own-roles", "No two workloads share a role", _own_roles),
    ResourceCheck("node-metadata", "Pods cannot reach the node's credentials", (LAUNCH_TEMPLATE,), _metadata),
    StackCheck("node-role-bare", "The node role has AWS's own policies only", _node_roles),
)
