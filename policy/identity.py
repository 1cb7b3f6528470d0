"""Identities: who may do what, each thing named."""

import re
from collections.abc import Iterator, Mapping

from policy.check import Properties, ResourceCheck, as_list, statements

POLICY = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy")
ROLE = ("aws:iam/role:Role",)
GITHUB = "token.actions.githubusercontent.com"

NOT_SCOPABLE = (
    "autoscaling:Describe",
    "ec2:Describe",
    "ecr:GetAuthorizationToken",
    "elasticloadbalancing:Describe",
    "sts:GetCallerIdentity",
)
"""Beginnings of actions that AWS offers no resource for: these alone may be allowed on every resource."""

BOUNDARY = "it allows nothing by itself: it cuts down what the deploy role is given"
DEPLOY = "it makes and removes whole stacks; its boundary keeps it from other accounts' trust and from itself"
DEPLOYMENT = {
    ("aws:iam/policy:Policy", "{environment}-boundary"): BOUNDARY,
    ("aws:iam/rolePolicy:RolePolicy", "deploy-{environment}"): DEPLOY,
}
"""What the deploy roles are made of, which may use wildcards."""

PRODUCER = {"kinesis:PutRecord", "kinesis:PutRecords"}
CONSUMER = {
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamConsumer",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
}
SUBJECT = re.compile(r"repo:[^*?@/]+(@\d+)?/[^*?@/]+(@\d+)?:environment:[A-Za-z0-9_-]+")


def _wildcards(props: Properties) -> Iterator[str]:
    for statement in statements(props.get("policy")):
        if statement.get("Effect") != "Allow":
            continue
        actions = [str(action) for action in as_list(statement.get("Action"))]
        for action in actions:
            if "*" in action:
                yield f"allows {action}: name the actions"
        if "*" in as_list(statement.get("Resource")):
            scopable = [action for action in actions if not action.startswith(NOT_SCOPABLE)]
            if scopable:
                yield f"allows {', '.join(scopable)} on every resource: name the resources"
        if "NotAction" in statement or "NotResource" in statement:
            yield "allows all but something: name what is allowed"


def _streams(props: Properties) -> Iterator[str]:
    for statement in statements(props.get("policy")):
        if statement.get("Effect") != "Allow":
            continue
        wanted = {str(a) for a in as_list(statement.get("Action")) if str(a).startswith("kinesis:")}
        if wanted and not wanted <= PRODUCER | {"kinesis:DescribeStreamSummary"} and not wanted <= CONSUMER:
            yield f"may do {', '.join(sorted(wanted))}: a producer puts records, a consumer reads, nothing does both"
        if wanted & PRODUCER and len(as_list(statement.get("Resource"))) != 1:
            yield "may put records on several streams: name one"


def _github(props: Properties) -> Iterator[str]:
    for statement in statements(props.get("assumeRolePolicy")):
        if GITHUB not in str(statement.get("Principal")):
            continue
        conditions = statement.get("Condition") or {}
        exact = conditions.get("StringEquals") or {}
        if set(conditions) != {"StringEquals"}:
            yield "trusts GitHub by a pattern: StringEquals only"
        if exact.get(f"{GITHUB}:aud") != "sts.amazonaws.com":
            yield "does not demand the audience sts.amazonaws.com"
        for subject in as_list(exact.get(f"{GITHUB}:sub")) or [""]:
            if not SUBJECT.fullmatch(str(subject)):
                yield f"trusts the subject {subject!r}: repo:OWNER@ID/REPO@ID:environment:NAME or without ids"
        if not exact.get(f"{GITHUB}:repository_id"):
            yield "does not demand the repository's id"


def _anyone(props: Properties) -> Iterator[str]:
    for statement in statements(props.get("assumeRolePolicy")):
        principal = statement.get("Principal")
        if principal == "*" or (isinstance(principal, Mapping) and "*" in as_list(principal.get("AWS"))):
            yield "may be assumed by anyone"


CHECKS = (
    ResourceCheck(
        "iam-no-wildcards", "Policies name their actions and resources", POLICY, _wildcards, exempt=DEPLOYMENT
    ),
    ResourceCheck(
        "kinesis-one-side", "An identity produces or consumes, on one stream", POLICY, _streams, exempt=DEPLOYMENT
    ),
    ResourceCheck("github-trust-exact", "GitHub's workflows are trusted by exact subject", ROLE, _github),
    ResourceCheck("iam-trust-named", "Roles name who may assume them", ROLE, _anyone),
)
