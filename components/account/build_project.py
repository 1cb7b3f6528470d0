"""What every CodeBuild project of ours is: a fresh Linux machine for each build, from one repository, with its log."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.identity.iam import Statement, allow, policy, trust

IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
"""Brings Python 3.11, git, jq and the AWS command line."""
MACHINE = "BUILD_GENERAL1_SMALL"
"""4 GiB and 2 processors: USD 0.005 a minute (AWS's price list of 2026-11 for eu-west-1)."""
LOG_DAYS = 90


@dataclass(frozen=True, slots=True)
class BuildProjectArgs:
    """A project. `repository`: its address. `connection`: its ARN. `minutes`: the most it takes."""

    description: str
    repository: str
    connection: str
    commands: tuple[str, ...]
    minutes: int

    def statements(self, logs: aws.cloudwatch.LogGroup) -> tuple[Statement, ...]:
        """Return what CodeBuild does as the project's role: fetch the source, register with GitHub, write its log."""
        return (
            Statement(
                (
                    "codeconnections:GetConnection",
                    "codeconnections:GetConnectionToken",
                    "codeconnections:UseConnection",
                ),
                [self.connection],
            ),
            Statement(("logs:CreateLogStream", "logs:PutLogEvents"), [pulumi.Output.concat(logs.arn, ":*")]),
        )


def build_project(
    name: str,
    args: BuildProjectArgs,
    role: aws.iam.Role,
    logs: aws.cloudwatch.LogGroup,
    opts: pulumi.ResourceOptions,
) -> aws.codebuild.Project:
    """Declare a project that works as `role`. Its machine is new for each build, unprivileged, and in no VPC."""
    buildspec = {"version": 0.2, "phases": {"build": {"commands": list(args.commands)}}}
    return aws.codebuild.Project(
        name,
        name=name,
        description=args.description,
        service_role=role.arn,
        artifacts=aws.codebuild.ProjectArtifactsArgs(type="NO_ARTIFACTS"),
        environment=aws.codebuild.ProjectEnvironmentArgs(
            type="LINUX_CONTAINER", compute_type=MACHINE, image=IMAGE, privileged_mode=False
        ),
        source=aws.codebuild.ProjectSourceArgs(
            type="GITHUB",
            location=f"{args.repository}.git",
            git_clone_depth=1,
            buildspec=json.dumps(buildspec),
            auth=aws.codebuild.ProjectSourceAuthArgs(type="CODECONNECTIONS", resource=args.connection),
        ),
        source_version="refs/heads/main",
        logs_config=aws.codebuild.ProjectLogsConfigArgs(
            cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(group_name=logs.name)
        ),
        build_timeout=args.minutes,
        queued_timeout=30,
        opts=opts,
    )


def build_role(
    name: str, project: str, service: str, account: str, description: str, parent: pulumi.Resource, *may: Statement
) -> tuple[aws.iam.Role, pulumi.Resource]:
    """Declare a role for a service of AWS, which may do this and can never do more; and what must be there first."""
    most = aws.iam.Policy(
        f"{name}-boundary",
        name=f"{name}-boundary",
        path=f"/{project}/",
        description=f"What {name} may do at the most",
        policy=policy(*may),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    role = aws.iam.Role(
        name,
        name=name,
        path=f"/{project}/",
        assume_role_policy=trust(service, {"StringEquals": {"aws:SourceAccount": account}}),
        permissions_boundary=most.arn,
        description=description,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return role, allow(name, role, *may, parent=parent)


def build_logs(name: str, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions) -> aws.cloudwatch.LogGroup:
    """Declare where builds write."""
    return aws.cloudwatch.LogGroup(
        name, name=f"/aws/codebuild/{name}", retention_in_days=LOG_DAYS, kms_key_id=key_arn, opts=opts
    )
