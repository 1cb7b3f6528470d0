"""What a deployment may do: what its stack consists of takes, and no more."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.account.deployment_calls import BY_TYPE, CALLS
from delivery.recording import ACCOUNT, Graph
from tests.stacks.stacks_under_test import account_graph, environment_graph

ACCOUNTS = [("bootstrap", "dev"), ("bootstrap-prod", "prod")]
INLINE_LIMIT = 10_240
"""Characters that all inline policies of a role may have together, without white space (IAM quotas)."""

BOUNDED = ("aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment")


def statements(graph: Graph, role: str) -> Iterator[dict[str, Any]]:
    """Every statement of every inline policy of a role."""
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        if policy.inputs["role"] == role:
            yield from json.loads(policy.inputs["policy"])["Statement"]


def allowed(graph: Graph, role: str) -> set[str]:
    return {action for s in statements(graph, role) if s["Effect"] == "Allow" for action in s["Action"]}


def test_there_are_the_calls_of_every_type_that_an_environment_declares_and_of_no_other() -> None:
    declared = {
        resource.type
        for stack in ("dev", "prod")
        for resource in environment_graph(stack).resources
        if resource.type.startswith(("aws:", "eks:"))
    }
    assert declared - set(BOUNDED) == set(BY_TYPE)


def test_calls_are_named_and_only_looking_may_be_a_pattern() -> None:
    assert [
        call for call in CALLS if "*" in call and not re.fullmatch(r"[a-z0-9]+:(Describe|List|GetWebACL)\*", call)
    ] == []


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_no_service_is_given_whole(account: str, environment: str) -> None:
    actions = allowed(account_graph(account), f"deploy-{environment}")
    assert [action for action in actions if action.endswith(":*")] == []


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
@pytest.mark.parametrize(
    "harm",
    [
        "kms:ScheduleKeyDeletion",
        "kms:PutKeyPolicy",
        "kms:DisableKey",
        "s3:DeleteBucket",
        "s3:PutBucketPolicy",
        "s3:DeleteObjectVersion",
        "logs:DeleteLogGroup",
        "logs:PutRetentionPolicy",
        "secretsmanager:DeleteSecret",
        "secretsmanager:PutSecretValue",
        "iam:PutRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "sts:AssumeRole",
        "organizations:LeaveOrganization",
    ],
)
def test_who_deploys_can_harm_neither_the_state_nor_keys_nor_logs_nor_secrets(
    account: str, environment: str, harm: str
) -> None:
    actions = allowed(account_graph(account), f"deploy-{environment}")
    assert not any(fnmatchcase(harm.lower(), action.lower()) for action in actions)


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_who_deploys_reads_one_secret_and_decrypts_with_two_keys(account: str, environment: str) -> None:
    graph = account_graph(account)
    readable = [
        s["Resource"]
        for s in statements(graph, f"deploy-{environment}")
        if "secretsmanager:GetSecretValue" in s["Action"]
    ]
    assert [resource.rpartition(":secret:")[2] for (resource,) in readable] == [
        f"sensor-analytics/{environment}/login-*"
    ]
    own = {key.outputs["arn"] for key in graph.of("aws:kms/key:Key") if key.name in {"state", environment}}
    for s in statements(graph, f"deploy-{environment}"):
        if any(action.startswith("kms:") for action in s["Action"]):
            assert set(s["Resource"]) <= own


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_what_carries_the_tag_of_another_stack_is_left_alone(account: str, environment: str) -> None:
    (own,) = [s for s in statements(account_graph(account), f"deploy-{environment}") if s.get("Sid") == "OwnStack"]
    tags = own["Condition"]["StringEqualsIfExists"]
    assert tags == {"aws:ResourceTag/stack": environment, "aws:RequestTag/stack": environment}
    assert own["Condition"]["StringEquals"] == {"aws:RequestedRegion": "eu-west-1"}


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_eks_may_ask_whether_its_own_role_is_there(account: str, environment: str) -> None:
    seen = [
        s["Resource"]
        for s in statements(account_graph(account), f"deploy-{environment}")
        if "iam:GetRole" in s["Action"]
    ]
    assert any(resource.endswith(":role/aws-service-role/*") for (resource,) in seen)


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_the_policies_of_the_deploy_role_fit_into_what_iam_takes(account: str, environment: str) -> None:
    policies = [
        resource.inputs["policy"]
        for resource in account_graph(account).of("aws:iam/rolePolicy:RolePolicy")
        if resource.inputs["role"] == f"deploy-{environment}"
    ]
    assert sum(len(re.sub(r"\s", "", policy)) for policy in policies) < INLINE_LIMIT


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_every_role_of_an_environment_stays_within_its_boundary(account: str, environment: str) -> None:
    boundary = json.loads(
        account_graph(account).one("aws:iam/policy:Policy", f"{environment}-boundary").inputs["policy"]
    )["Statement"]
    graph = environment_graph(environment)
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        for wanted in json.loads(policy.inputs["policy"])["Statement"]:
            for action in wanted["Action"]:
                for resource in wanted["Resource"]:
                    # The recorded graph says one number for every account.
                    assert within(boundary, action, resource, environment), f"{policy.name}: {action} on {resource}"


def within(boundary: list[dict[str, Any]], action: str, resource: str, environment: str) -> bool:
    resource = resource.replace(f":{ACCOUNT}:", ":222222222222:") if environment == "prod" else resource
    return any(
        s["Effect"] == "Allow"
        and any(fnmatchcase(action, pattern) for pattern in s["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in s["Resource"])
        for s in boundary
    )


@pytest.mark.parametrize(("account", "environment"), ACCOUNTS)
def test_no_role_of_an_environment_can_reach_the_state_or_iam(account: str, environment: str) -> None:
    boundary = json.loads(
        account_graph(account).one("aws:iam/policy:Policy", f"{environment}-boundary").inputs["policy"]
    )["Statement"]
    allowed = [(action, s["Resource"]) for s in boundary if s["Effect"] == "Allow" for action in s["Action"]]
    assert not [action for action, _ in allowed if action.startswith(("iam:", "sts:"))]
    buckets = {resource for action, resources in allowed if action.startswith("s3:") for resource in resources}
    assert all(f"-archive-{environment}-" in bucket or f"-{environment}-archive-" in bucket for bucket in buckets), (
        buckets
    )
    assert "iam:*" in {action for s in boundary if s["Effect"] == "Deny" for action in s["Action"]}
