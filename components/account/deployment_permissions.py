"""What a deployment may do, and what nothing that it makes can exceed. Pure."""

from components.identity.iam import RoleSettings, Statement

REGIONAL = (
    "acm:*",
    "autoscaling:*",
    "ec2:*",
    "ecr:Describe*",
    "eks:*",
    "elasticloadbalancing:*",
    "kinesis:*",
    "kms:*",
    "logs:*",
    "rds:*",
    "secretsmanager:*",
)
"""Services whose resources a stack makes, changes and destroys, in its region alone."""

GLOBAL = ("budgets:*", "route53:*", "sts:GetCallerIdentity")
"""Services that know no region."""

PASS_TO = (
    "ec2.amazonaws.com",
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)


def deployment_statements(account: str, region: str, roles: RoleSettings) -> tuple[Statement, ...]:
    """Return the permissions of the role that deploys one environment.

    `roles`: it makes and changes only roles under this path, and only with this boundary.
    """
    own = [f"arn:aws:iam::{account}:role{roles.path}*"]
    bounded = {"StringEquals": {"iam:PermissionsBoundary": roles.boundary}}
    return (
        Statement(REGIONAL, ["*"], {"StringEquals": {"aws:RequestedRegion": region}}, sid="Regional"),
        Statement(GLOBAL, ["*"], sid="Global"),
        Statement(
            ("iam:AttachRolePolicy", "iam:CreateRole", "iam:DetachRolePolicy", "iam:PutRolePolicy"),
            own,
            bounded,
            sid="BoundedRoles",
        ),
        Statement(
            (
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
            ),
            own,
            sid="OwnRoles",
        ),
        Statement(("iam:PassRole",), own, {"StringEquals": {"iam:PassedToService": list(PASS_TO)}}, sid="PassOwnRoles"),
        Statement(
            ("iam:CreateServiceLinkedRole",),
            [f"arn:aws:iam::{account}:role/aws-service-role/*"],
            {
                "StringEquals": {
                    "iam:AWSServiceName": [
                        "autoscaling.amazonaws.com",
                        "eks-nodegroup.amazonaws.com",
                        "eks.amazonaws.com",
                        "elasticloadbalancing.amazonaws.com",
                        "rds.amazonaws.com",
                    ]
                }
            },
            sid="ServiceLinkedRoles",
        ),
    )


def boundary_statements(region: str) -> tuple[Statement, ...]:
    """Return what the roles of an environment may do at the most: use what is there, never IAM."""
    return (
        Statement(
            (
                "autoscaling:*",
                "ec2:*",
                "ecr:*",
                "eks:*",
                "eks-auth:*",
                "elasticloadbalancing:*",
                "kinesis:*",
                "kms:*",
                "logs:*",
                "rds-db:connect",
                "s3:*",
                "secretsmanager:*",
            ),
            ["*"],
            {"StringEquals": {"aws:RequestedRegion": region}},
            sid="UseTheRegion",
        ),
        Statement(("iam:*", "organizations:*", "account:*"), ["*"], effect="Deny", sid="NeverIdentity"),
    )
