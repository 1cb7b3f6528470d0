"""What roles may do in an emulator of AWS, as its IAM holds it, and what schedules there call."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.support.aws_emulator import Emulator

Permissions = dict[str, set[str]]
"""Each action -> on what."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a schedule calls, and as which role."""

    expression: str
    action: str
    role_arn: str
    request: Mapping[str, Any]


def call_of(aws: Emulator, schedule: str) -> Call:
    """Return what a schedule calls. What is switched off calls nothing."""
    found = aws.client("scheduler").get_schedule(Name=schedule)
    assert found["State"] == "ENABLED"
    assert found["ScheduleExpressionTimezone"] == "UTC"
    target = found["Target"]
    return Call(found["ScheduleExpression"], target["Arn"], target["RoleArn"], json.loads(target["Input"]))


def permissions_of(aws: Emulator, role_arn: str) -> Permissions:
    """Return what a role may do by its own policies; that it has no others is seen too."""
    iam, name = aws.client("iam"), _name(role_arn)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    return by_action(_statements(aws, name))


def conditions_of(aws: Emulator, role_arn: str, action: str) -> list[Mapping[str, Any]]:
    """Return under which conditions a role may do something: one entry for each statement that lets it."""
    statements = _statements(aws, _name(role_arn))
    return [statement.get("Condition", {}) for statement in statements if action in statement["Action"]]


def limits_of(aws: Emulator, role_arn: str) -> Permissions:
    """Return what a role may do at the most, whatever is granted to it."""
    iam = aws.client("iam")
    arn = iam.get_role(RoleName=_name(role_arn))["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    return by_action(managed_statements(aws, arn))


def managed_statements(aws: Emulator, policy_arn: str) -> list[Mapping[str, Any]]:
    """Return what a policy that roles may be given says."""
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]["Document"]
    return list(_read(document)["Statement"])


def trusted_by(aws: Emulator, role_arn: str) -> Mapping[str, Any]:
    """Return who may assume a role, and under which condition."""
    document = aws.client("iam").get_role(RoleName=_name(role_arn))["Role"]["AssumeRolePolicyDocument"]
    (statement,) = _read(document)["Statement"]
    return {**statement["Principal"], **statement.get("Condition", {})}


def allowing(*actions: str, on: set[str]) -> Permissions:
    """Return that each of these actions is allowed on the same."""
    return {action: set(on) for action in actions}


def by_action(statements: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]) -> Permissions:
    """Sort what statements allow by its actions."""
    allowed: Permissions = {}
    for statement in statements:
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            allowed.setdefault(action, set()).update(statement["Resource"])
    return allowed


def _statements(aws: Emulator, role: str) -> Iterator[Mapping[str, Any]]:
    iam = aws.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield from _read(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])["Statement"]


def _read(document: Any) -> Any:
    """A document comes quoted, as text, or already read."""
    return document if isinstance(document, dict) else json.loads(unquote(document))


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
