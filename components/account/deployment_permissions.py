"""What a deployment may do, and what nothing that it makes can exceed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.account.archive_bucket import archive_bucket_name
from components.account.deployment_calls import CALLS
from components.account.processing_starter import starter_arn
from components.identity.iam import RoleSettings, Statement

PASS_TO = (
    "ec2.amazonaws.com",
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "scheduler.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)

SERVICE_LINKED = (
    "autoscaling.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "eks.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "rds.amazonaws.com",
)
"""Services that make a role of their own in an account that has none yet."""

ROLES = (
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)
BOUNDED = ("iam:AttachRolePolicy", "iam:CreateRole", "iam:DetachRolePolicy", "iam:PutRolePolicy")
"""What could give a role more than its boundary, were it not demanded."""

USE = (
    "cloudwatch:GetMetricData",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "eks-auth:AssumeRoleForPodIdentity",
    "eks:Describe*",
    "kinesis:Describe*",
    "kinesis:Get*",
    "kinesis:ListShards",
    "kinesis:PutRecord",
    "kinesis:PutRecords",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey*",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "rds-db:connect",
)
"""What pods and nodes may do with what is there."""


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """The stack of an environment, and where its roles lie."""

    project: str
    environment: str
    account: str
    region: str
    roles: RoleSettings

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def deployment_statements(stack: DeployedStack) -> tuple[Statement, ...]:
    """Return the permissions of the role that deploys one environment.

    It makes, changes and removes what an environment consists of (`CALLS`), in its region. What carries the tag of
    another stack it leaves alone: the account's own bucket, keys, secrets and logs carry that of the account's stack.
    It makes and changes roles only under the path of the environment, and only with its boundary.
    """
    own = [f"arn:aws:iam::{stack.account}:role{stack.roles.path}*"]
    bounded = {"StringEquals": {"iam:PermissionsBoundary": stack.roles.boundary}}
    named = ("route53:", "scheduler:")
    regional = tuple(action for action in CALLS if not action.startswith(named))
    service_linked = [f"arn:aws:iam::{stack.account}:role/aws-service-role/*"]
    return (
        Statement(regional, ["*"], _of_no_other_stack(stack), sid="OwnStack"),
        # Schedules carry no tags: those of the account, and of other environments, have other names.
        Statement(
            tuple(action for action in CALLS if action.startswith(named)),
            [
                "arn:aws:route53:::*",
                stack.arn("scheduler", f"schedule/default/{stack.project}.{stack.environment}.*"),
            ],
            sid="Names",
        ),
        # RDS keeps the owner's password there, and tags the secret itself.
        Statement(
            ("secretsmanager:CreateSecret", "secretsmanager:TagResource"),
            [stack.arn("secretsmanager", "secret:rds!*")],
            sid="OwnersPassword",
        ),
        # CloudFormation reads it as whoever deploys, and puts it into the rules behind the login.
        Statement(
            ("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue"),
            [stack.arn("secretsmanager", f"secret:{stack.project}/{stack.environment}/login-*")],
            sid="LoginsSecret",
        ),
        Statement(BOUNDED, own, bounded, sid="BoundedRoles"),
        Statement(ROLES, own, sid="OwnRoles"),
        Statement(
            ("iam:PassRole",),
            # The account's role that starts its jobs is handed to schedules, and not changed.
            [*own, starter_arn(stack.project, stack.account, stack.environment)],
            {"StringEquals": {"iam:PassedToService": list(PASS_TO)}},
            sid="PassOwnRoles",
        ),
        Statement(
            ("iam:CreateServiceLinkedRole",),
            service_linked,
            {"StringEquals": {"iam:AWSServiceName": list(SERVICE_LINKED)}},
            sid="MakeServiceLinkedRoles",
        ),
        # EKS looks as whoever makes a node group whether its own role is there.
        Statement(("iam:GetRole",), service_linked, sid="SeeServiceLinkedRoles"),
    )


def _of_no_other_stack(stack: DeployedStack) -> Mapping[str, Mapping[str, str]]:
    # IfExists: what AWS makes by itself carries no tag of ours, and some calls know no tags.
    tags = {f"aws:{of}Tag/stack": stack.environment for of in ("Resource", "Request")}
    return {"StringEquals": {"aws:RequestedRegion": stack.region}, "StringEqualsIfExists": tags}


def boundary_statements(stack: DeployedStack) -> tuple[Statement, ...]:
    """Return what the roles of an environment may do at the most: use what is there, never IAM, never the state.

    Machines and interfaces are as AWS's own policies for EKS have them, which AWS changes; all else is named.
    """
    in_region = {"StringEquals": {"aws:RequestedRegion": stack.region}}
    archive = f"arn:aws:s3:::{archive_bucket_name(stack.project, stack.environment, stack.account)}"
    return (
        Statement(("autoscaling:*", "ec2:*", "elasticloadbalancing:*"), ["*"], in_region, sid="Machines"),
        Statement(USE, ["*"], in_region, sid="UseTheRegion"),
        Statement(
            ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
            [
                stack.arn("secretsmanager", f"secret:{stack.project}/{stack.environment}/*"),
                stack.arn("secretsmanager", "secret:rds!*"),
            ],
            sid="OwnSecrets",
        ),
        Statement(
            (
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
            ),
            [archive, f"{archive}/*"],
            sid="OwnArchive",
        ),
        Statement(("iam:*", "organizations:*", "account:*"), ["*"], effect="Deny", sid="NeverIdentity"),
    )
