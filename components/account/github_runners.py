"""Machines that run the jobs of GitHub which must reach a cluster: CodeBuild, one build for each job.

GitHub's own runners come from thousands of addresses, CodeBuild's from the few that AWS publishes for a region. Nothing
is shared between two jobs, and a preview never runs in the project of a deployment.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.build_project import BuildProjectArgs, build_logs, build_project, build_role
from components.account.config import GitHubConfig, RunnersConfig
from components.component import Component

PURPOSES = ("preview", "deploy")
MINUTES = 120


@dataclass(frozen=True, slots=True)
class GitHubRunnersArgs:
    """Which repository's jobs they run, for which environment of `project`. `log_key_arn`: encrypts what they print."""

    config: RunnersConfig
    github: GitHubConfig
    project: str
    account: str
    environment: str
    log_key_arn: pulumi.Input[str]


def runner_project(project: str, purpose: str, environment: str) -> str:
    """Return the name of a runner's project; a job asks for `codebuild-NAME-RUN-ATTEMPT`."""
    return f"{project}-{purpose}-{environment}"


class GitHubRunners(Component):
    """Runners for the jobs that preview and deploy an environment.

    Makes:

    - a role that writes the log and asks GitHub for the next job, its boundary, and a log group
    - for each of preview and deploy, a CodeBuild project and the webhook that starts it
    """

    projects: dict[str, aws.codebuild.Project]

    def __init__(self, name: str, args: GitHubRunnersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        logs = build_logs(name, args.log_key_arn, child)
        build = BuildProjectArgs(
            description="Runs jobs of GitHub, one each",
            repository=args.github.url,
            connection=args.config.connection,
            # A job of GitHub takes the place of these.
            commands=("echo 'only jobs of GitHub run here' && exit 1",),
            minutes=MINUTES,
        )
        role, allowed = build_role(
            name,
            args.project,
            "codebuild.amazonaws.com",
            args.account,
            "Runs jobs of GitHub, which bring their own roles",
            self,
            *build.statements(logs),
        )
        ready = pulumi.ResourceOptions(parent=self, depends_on=[allowed])
        self.projects = {
            project_name: build_project(project_name, build, role, logs, ready)
            for project_name in (runner_project(args.project, purpose, args.environment) for purpose in PURPOSES)
        }
        for project_name, project in self.projects.items():
            aws.codebuild.Webhook(
                project_name,
                project_name=project.name,
                build_type="BUILD",
                filter_groups=[
                    aws.codebuild.WebhookFilterGroupArgs(
                        filters=[
                            aws.codebuild.WebhookFilterGroupFilterArgs(type="EVENT", pattern="WORKFLOW_JOB_QUEUED")
                        ]
                    )
                ],
                opts=child,
            )
        self.register_outputs({"projects": sorted(self.projects)})
