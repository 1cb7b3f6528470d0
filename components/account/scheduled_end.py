"""Ends an environment when GitHub does not: its schedules are dropped now and then, and a forgotten stack costs.

An hour after GitHub's second try, AWS itself starts a build that runs the same script, as the deploy role of that
environment. Where nothing is left to take down, it ends after three minutes.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.build_project import BuildProjectArgs, build_logs, build_project, build_role
from components.account.config import GitHubConfig, RunnersConfig
from components.component import Component
from components.identity.iam import Statement, allow

MINUTES = 115


@dataclass(frozen=True, slots=True)
class ScheduledEndArgs:
    """What ends `environment`, and when.

    `cron`: AWS's six fields, in UTC. `role`: its deploy role, which trusts the project.
    """

    config: RunnersConfig
    github: GitHubConfig
    project: str
    account: str
    environment: str
    cron: str
    commands: tuple[str, ...]
    role: aws.iam.Role
    log_key_arn: pulumi.Input[str]


def end_project(project: str, environment: str) -> str:
    """Return the name of the project that ends an environment."""
    return f"{project}-end-{environment}"


def end_project_arn(project: str, account: str, region: str, environment: str) -> str:
    """Return the ARN of the project that ends an environment."""
    return f"arn:aws:codebuild:{region}:{account}:project/{end_project(project, environment)}"


class ScheduledEnd(Component):
    """A second hand on the switch.

    Makes:

    - a CodeBuild project that works as the deploy role, and its log group
    - a schedule that starts it, and the role that may, with its boundary
    """

    def __init__(self, name: str, args: ScheduledEndArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        project_name = end_project(args.project, args.environment)
        logs = build_logs(project_name, args.log_key_arn, child)
        build = BuildProjectArgs(
            description=f"Ends {args.environment} when GitHub did not",
            repository=args.github.url,
            connection=args.config.connection,
            commands=args.commands,
            minutes=MINUTES,
        )
        allowed = allow(project_name, args.role, *build.statements(logs), parent=self)
        project = build_project(
            project_name, build, args.role, logs, pulumi.ResourceOptions(parent=self, depends_on=[allowed])
        )
        starter, may_start = build_role(
            f"start-{project_name}",
            args.project,
            "scheduler.amazonaws.com",
            args.account,
            f"Starts what ends {args.environment}",
            self,
            Statement(("codebuild:StartBuild",), [project.arn]),
        )
        aws.scheduler.Schedule(
            project_name,
            name=project_name,
            description=f"Ends {args.environment} when GitHub did not",
            schedule_expression=f"cron({args.cron})",
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=project.arn,
                role_arn=starter.arn,
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(maximum_retry_attempts=3),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[may_start]),
        )
        self.register_outputs({"project": project.name})
