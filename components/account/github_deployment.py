"""How GitHub's workflows deploy: with roles that they assume for an hour, and no stored credentials.

A role is assumed by named environments of one repository, spelled exactly, in both forms that GitHub has for them:
with ids and, of older repositories, without. The token's `repository_id` is demanded beside it, so that a repository
that takes over a freed name gets nothing, and its `ref`, so that an environment without protection opens nothing to a
branch; who deploys must also run in the workflow that deploys (`job_workflow_ref`). AWS STS knows these claims of
GitHub since January 2026. Every role that a deployment makes lies under the path of its stack and within its boundary,
so that a deployment cannot make one that may do more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.account.config import GitHubConfig
from components.account.deployment_permissions import DeployedStack, boundary_statements, deployment_statements
from components.account.github_environments import IMAGES, DeployedEnvironment, GitHubEnvironment
from components.component import Component
from components.identity.iam import RoleSettings, Statement, allow, policy

ISSUER = "token.actions.githubusercontent.com"
DEPLOYING = "deploy.yml"
"""The workflow whose jobs alone may deploy."""
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@dataclass(frozen=True, slots=True)
class GitHubDeploymentArgs:
    """Which repository deploys which environments, each a stack of `project`.

    `ended_by`: the CodeBuild project that ends an environment when GitHub does not; it works as the deploy role.
    """

    config: GitHubConfig
    project: str
    account: str
    region: str
    environments: tuple[DeployedEnvironment, ...]
    ended_by: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.environments:
            raise ValueError("there is no environment to deploy")
        if reserved := {"images", "preview"} & {environment.name for environment in self.environments}:
            raise ValueError(f"{', '.join(sorted(reserved))} names a role of its own: call the environment otherwise")


def role_settings(project: str, account: str, environment: str) -> RoleSettings:
    """Return where the roles of an environment lie, and their boundary. The deploy role can make no others."""
    path = f"/{project}/{environment}/"
    return RoleSettings(path, f"arn:aws:iam::{account}:policy/{project}/{environment}-boundary")


def role_arn(project: str, account: str, name: str) -> str:
    """Return the ARN of one of the roles that GitHubDeployment makes: preview, images or deploy-ENVIRONMENT."""
    return f"arn:aws:iam::{account}:role/{project}/{name}"


class GitHubDeployment(Component):
    """What GitHub's workflows may do.

    Makes:

    - the OIDC provider of GitHub
    - the role `preview` of pull requests, which reads everything but contents
    - the role `images`, which may push them once `ImageRepositories.grant_push` says so
    - for each environment the role `deploy-ENVIRONMENT` and the boundary that no role of that environment exceeds
    """

    preview: aws.iam.Role
    images: aws.iam.Role
    deploy: dict[str, aws.iam.Role]

    def __init__(self, name: str, args: GitHubDeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self._issuer = aws.iam.OpenIdConnectProvider(
            name,
            url=f"https://{ISSUER}",
            client_id_lists=["sts.amazonaws.com"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        previews = [environment.preview for environment in args.environments]
        self.preview = self._role("preview", [self._trust(previews)], "Previews every stack, changes nothing")
        aws.iam.RolePolicyAttachment(
            "preview",
            role=self.preview.name,
            policy_arn=READ_ONLY,
            opts=pulumi.ResourceOptions(parent=self),
        )
        # ReadOnlyAccess reads contents too: those of secrets and of the stream are nobody's business in a pull request.
        allow(
            "preview-no-contents",
            self.preview,
            Statement(
                ("kinesis:GetRecords", "secretsmanager:GetSecretValue", "ssm:GetParameter*"), ["*"], effect="Deny"
            ),
            parent=self,
        )
        self.images = self._role("images", [self._trust([IMAGES])], "Pushes images")
        self.deploy = {environment.name: self._deploy_role(environment) for environment in args.environments}
        self.register_outputs(
            {
                "previewRoleArn": self.preview.arn,
                "imagesRoleArn": self.images.arn,
                "deployRoleArns": {environment: role.arn for environment, role in self.deploy.items()},
            }
        )

    def _deploy_role(self, environment: DeployedEnvironment) -> aws.iam.Role:
        args, name = self._args, environment.name
        settings = role_settings(args.project, args.account, name)
        stack = DeployedStack(args.project, name, args.account, args.region, settings)
        aws.iam.Policy(
            f"{name}-boundary",
            name=f"{name}-boundary",
            path=f"/{args.project}/",
            description=f"What no role of {name} can exceed",
            policy=policy(*boundary_statements(stack)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        trusted = [self._trust(environment.deploy, DEPLOYING)]
        if project := args.ended_by.get(name):
            trusted.append(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "codebuild.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceArn": project}},
                }
            )
        role = self._role(f"deploy-{name}", trusted, f"Deploys {name}")
        allow(f"deploy-{name}", role, *deployment_statements(stack), parent=self)
        return role

    def _trust(self, environments: Sequence[GitHubEnvironment], workflow: str | None = None) -> dict[str, Any]:
        """Let jobs of some environments assume a role, from their refs alone, in `workflow` alone where it is given."""
        github = self._args.config
        subjects = [
            subject for environment in environments for subject in github.subjects(f"environment:{environment.name}")
        ]
        refs = sorted({ref for environment in environments for ref in environment.refs})
        claims = {f"{ISSUER}:ref": refs}
        if workflow:
            claims[f"{ISSUER}:job_workflow_ref"] = [github.workflow(workflow, ref) for ref in refs]
        return {
            "Effect": "Allow",
            "Principal": {"Federated": self._issuer.arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{ISSUER}:aud": "sts.amazonaws.com",
                    f"{ISSUER}:sub": subjects,
                    f"{ISSUER}:repository_id": str(github.repository_id),
                },
                "StringLike": claims,
            },
        }

    def _role(self, name: str, trusted: Sequence[Mapping[str, Any]], description: str) -> aws.iam.Role:
        return aws.iam.Role(
            name,
            name=name,
            path=f"/{self._args.project}/",
            assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(trusted)}),
            max_session_duration=3600 if not name.startswith("deploy-") else 7200,
            description=description,
            opts=pulumi.ResourceOptions(parent=self),
        )
