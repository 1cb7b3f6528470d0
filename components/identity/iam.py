"""IAM policies as data: who may do what to which resource, and nothing wider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pulumi
import pulumi_aws as aws

MANAGED_POLICY = "arn:aws:iam::aws:policy"
"""What the ARN of each of AWS's own policies begins with."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One permission. `conditions` is IAM's operator -> key -> value."""

    actions: tuple[str, ...]
    resources: Sequence[pulumi.Input[str]]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    effect: str = "Allow"
    sid: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON, still holding outputs."""
        body: dict[str, Any] = {"Sid": self.sid} if self.sid else {}
        body |= {"Effect": self.effect, "Action": list(self.actions), "Resource": list(self.resources)}
        return body | ({"Condition": self.conditions} if self.conditions else {})


class Identity(Protocol):
    """Who is given permissions, whatever runs as it."""

    def allow(self, purpose: str, *statements: Statement) -> aws.iam.RolePolicy:
        """Give permissions, under a name that says what for."""


def policy(*statements: Statement) -> pulumi.Output[str]:
    """Return an IAM policy document."""
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [statement.document() for statement in statements]}
    )


def trust(service: str, conditions: Mapping[str, Mapping[str, Any]] | None = None) -> pulumi.Output[str]:
    """Return the document that lets an AWS service assume a role."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sts:AssumeRole", "sts:TagSession"] if service == "pods.eks.amazonaws.com" else "sts:AssumeRole",
    }
    if conditions:
        statement["Condition"] = conditions
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(name: str, role: aws.iam.Role, *statements: Statement, parent: pulumi.Resource) -> aws.iam.RolePolicy:
    """Give a role permissions. Depend on what this returns before anything uses them."""
    return aws.iam.RolePolicy(
        name, role=role.name, policy=policy(*statements), opts=pulumi.ResourceOptions(parent=parent)
    )


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """What all roles of a stack share.

    `path` keeps them together, so that the deploy role can be held to it; `boundary` is the policy that none of them
    can exceed.
    """

    path: str = "/"
    boundary: str | None = None


def role(
    name: str, assumed_by: pulumi.Input[str], shared: RoleSettings, parent: pulumi.Resource, description: str
) -> aws.iam.Role:
    """Return a role under the stack's path and boundary."""
    return aws.iam.Role(
        name,
        assume_role_policy=assumed_by,
        path=shared.path,
        permissions_boundary=shared.boundary,
        description=description,
        opts=pulumi.ResourceOptions(parent=parent),
    )
