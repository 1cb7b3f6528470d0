"""What identities may do: inline, attached or written in the role, each thing named."""

from collections.abc import Iterator, Mapping

from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.documents import Statement, is_unnamed, statements
from policy.properties import Properties, any_of, mappings, strings
from policy.trust import GITHUB, PODS, ROLE, assumed_by, deploys

MANAGED = "aws:iam/policy:Policy"
INLINE = tuple(
    f"aws:iam/{kind}" for kind in ("rolePolicy:RolePolicy", "userPolicy:UserPolicy", "groupPolicy:GroupPolicy")
)
POLICY = (MANAGED, *INLINE, *ROLE, "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy")
ATTACHMENT = tuple(
    f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}"
    for kind in (
        "PolicyAttachment",
        "RolePolicyAttachment",
        "RolePolicyAttachmentsExclusive",
        "UserPolicyAttachment",
        "GroupPolicyAttachment",
    )
)
USERS = tuple(
    f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}"
    for kind in ("User", "AccessKey", "UserLoginProfile", "ServiceSpecificCredential", "SshKey", "VirtualMfaDevice")
)

NOT_SCOPABLE = (
    "autoscaling:Describe",
    "cloudwatch:GetMetricData",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:Describe",
    "ecr:GetAuthorizationToken",
    "elasticloadbalancing:Describe",
)
"""Beginnings of actions that AWS offers no resource for: these alone may be allowed on every resource."""

AWS = "arn:aws:iam::aws:policy"
ATTACHABLE: Mapping[str, str] = {
    f"{AWS}/AmazonEKSClusterPolicy": "eks.amazonaws.com",
    f"{AWS}/AmazonEKSWorkerNodePolicy": "ec2.amazonaws.com",
    f"{AWS}/AmazonEC2ContainerRegistryPullOnly": "ec2.amazonaws.com",
    f"{AWS}/AmazonEKS_CNI_Policy": PODS,
    f"{AWS}/service-role/AmazonEBSCSIDriverPolicyV2": PODS,
    f"{AWS}/ReadOnlyAccess": GITHUB,
}
"""AWS's own policies that parts of the platform need -> who alone may assume a role that has one."""

PRODUCER = {"kinesis:PutRecord", "kinesis:PutRecords"}
CONSUMER = {
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamConsumer",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
}

BOUNDARY = "iam:PermissionsBoundary"
NEEDS = {
    "iam:AttachRolePolicy": BOUNDARY,
    "iam:CreateRole": BOUNDARY,
    "iam:PassRole": "iam:PassedToService",
    "iam:PutRolePolicy": BOUNDARY,
}
"""Actions with which somebody gives himself more -> the condition that keeps them in bounds."""

NEVER = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateLoginProfile",
)
"""Actions with which somebody gives himself more, and which nothing here needs."""


def documents(props: Properties) -> Iterator[Statement]:
    """Yield what a policy allows, of a policy resource or of the policies written in a role."""
    written = (
        props.get("policy"),
        props.get("inlinePolicy"),
        *(p.get("policy") for p in mappings(props.get("inlinePolicies"))),
    )
    for document in written:
        yield from (statement for statement in statements(document) if statement.allows)


def _wildcards(policy: Resource, stack: Stack) -> Iterator[str]:
    if _is_deployment(policy, stack):
        return
    for statement in documents(policy.props):
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield f"allows {action}: name the actions"
        scopable = [action for action in statement.actions if not action.startswith(NOT_SCOPABLE)]
        for resource in statement.resources:
            unborn = resource.endswith(":network-interface/*") and statement.requires("ec2:Vpc")
            if scopable and is_unnamed(resource) and not unborn:
                yield f"allows {', '.join(scopable)} on {resource}: name the resources"
        if statement.negated:
            yield "allows all but something: name what is allowed"


def _streams(policy: Resource, stack: Stack) -> Iterator[str]:
    if _is_deployment(policy, stack):
        return
    for statement in documents(policy.props):
        wanted = {action for action in statement.actions if action.startswith("kinesis:")}
        if wanted and not wanted <= PRODUCER | {"kinesis:DescribeStreamSummary"} and not wanted <= CONSUMER:
            yield f"may do {', '.join(sorted(wanted))}: a producer puts records, a consumer reads, nothing does both"
        if wanted & PRODUCER and len(statement.resources) != 1:
            yield "may put records on several streams: name one"


def _escalation(policy: Resource, stack: Stack) -> Iterator[str]:
    if _is_boundary(policy, stack):
        return
    for statement in documents(policy.props):
        for action in NEVER:
            if statement.may(action):
                yield f"may give itself more ({action})"
                break
        for action, condition in NEEDS.items():
            if statement.may(action) and not statement.requires(condition):
                yield f"may give itself more: {action} needs StringEquals {condition}"


def _attached(attachment: Resource, stack: Stack) -> Iterator[str]:
    if stack.referred(attachment, "policyArn", (MANAGED,)) is not None:
        return
    names = ("policyArn", "policyArns", "managedPolicyArns")
    for arn in (arn for name in names for arn in strings(attachment.props.get(name))):
        trusted = ATTACHABLE.get(arn)
        if trusted is None:
            yield f"has {arn}, which AWS may widen: write a policy that names what is needed"
            continue
        role = attachment if attachment.is_a(ROLE) else stack.referred(attachment, "role", ROLE)
        if role is None or assumed_by(role) != {trusted}:
            yield f"has {arn}, which is for a role that {trusted} alone assumes"


def _users(_props: Properties) -> Iterator[str]:
    yield "is a person or program with a key that stays: roles are assumed for an hour"


def _is_deployment(policy: Resource, stack: Stack) -> bool:
    """Tell whether a policy is of a role that deploys, or bounds what such a role gives: both may use patterns."""
    role = policy if policy.is_a(ROLE) else stack.referred(policy, "role", ROLE)
    return (role is not None and deploys(role, stack.environments)) or _is_boundary(policy, stack)


def _is_boundary(policy: Resource, stack: Stack) -> bool:
    """Tell whether a policy gives nothing: a deploying role must bound others with it, and it is attached nowhere."""
    if policy.type != MANAGED or not policy.props.get("path") or not policy.props.get("name"):
        return False
    ending = f":policy{policy.props.get('path')}{policy.props.get('name')}"

    def bounds_with_it(other: Resource) -> bool:
        role = stack.referred(other, "role", ROLE)
        if role is None or not deploys(role, stack.environments):
            return False
        return any(arn.endswith(ending) for statement in documents(other.props) for arn in statement.requires(BOUNDARY))

    return any_of(stack.of(INLINE), bounds_with_it) and not any_of(
        stack.of(ATTACHMENT), lambda attachment: attachment.refers_to(policy, "policyArn")
    )


CHECKS = (
    StackCheck(
        name="iam-no-wildcards",
        description="Policies name their actions and resources",
        types=POLICY,
        find=_wildcards,
        also=(
            "CKV_AWS_62",
            "CKV_AWS_63",
            "CKV_AWS_287",
            "CKV_AWS_288",
            "CKV_AWS_289",
            "CKV_AWS_290",
            "CKV_AWS_355",
            "CIS AWS 1.16",
        ),
    ),
    StackCheck(
        name="iam-no-escalation",
        description="No identity can give itself more, those that deploy included",
        types=POLICY,
        find=_escalation,
        also=("CKV_AWS_286", "CKV_AWS_289", "CKV2_AWS_40"),
    ),
    StackCheck(
        name="iam-attached-known",
        description="Of AWS's own policies, those that a part needs are attached, to that part's role",
        types=(*ATTACHMENT, *ROLE),
        find=_attached,
        also=("CKV_AWS_274", "CKV_AWS_275", "CKV2_AWS_56", "CIS AWS 1.16"),
    ),
    StackCheck(
        name="kinesis-one-side",
        description="An identity produces or consumes, on one stream",
        types=POLICY,
        find=_streams,
    ),
    ResourceCheck(
        name="no-iam-users",
        description="People and programs assume roles",
        types=USERS,
        find=_users,
        also=("CKV_AWS_40", "CKV_AWS_273", "CKV2_AWS_22", "CIS AWS 1.15"),
    ),
)
