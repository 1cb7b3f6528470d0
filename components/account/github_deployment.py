"""How GitHub's workflows deploy: with roles that they assume for an hour, and no stored credentials.

A role is assumed by one environment of one repository, spelled exactly, in both forms that GitHub has for it: with ids
and, of older repositories, without. The token's `repository_id` is demanded beside it, so that a repository that takes
over a freed name gets nothing. Every role that a deployment makes lies under the path of its
stack and within its boundary, so that a deployment cannot make one that may do more.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.config import GitHubConfig
from components.account.deployment_permissions import DeployedStack, boundary_statements, deployment_statements
from components.component import Component
from components.identity.iam import RoleSettings, Statement, allow, policy

ISSUER = "token.actions.githubusercontent.com"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@dataclass(frozen=True, slots=True)
class GitHubDeploymentArgs:
    """Which repository deploys which environments, each a stack of `project`."""

    config: GitHubConfig
    project: str
    account: str
    region: str
    environments: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.environments:
            raise ValueError("there is no environment to deploy")
        if reserved := {"images", "preview"} & set(self.environments):
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
        self.preview = self._role(
            "preview", "environment:preview", "Previews every stack for pull requests, changes nothing"
        )
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
        self.images = self._role("images", "environment:images", "Pushes images")
        self.deploy = {environment: self._deploy_role(environment) for environment in args.environments}
        self.register_outputs(
            {
                "previewRoleArn": self.preview.arn,
                "imagesRoleArn": self.images.arn,
                "deployRoleArns": {environment: made.arn for environment, made in self.deploy.items()},
            }
        )

    def _deploy_role(self, environment: str) -> aws.iam.Role:
        args = self._args
        stack = DeployedStack(
            args.project, environment, args.account, args.region, role_settings(args.project, args.account, environment)
        )
        aws.iam.Policy(
            f"{environment}-boundary",
            name=f"{environment}-boundary",
            path=f"/{args.project}/",
            description=f"What no role of {environment} can exceed",
            policy=policy(*boundary_statements(stack)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        made = self._role(f"deploy-{environment}", f"environment:{environment}", f"Deploys {environment}")
        allow(f"deploy-{environment}", made, *deployment_statements(stack), parent=self)
        return made

    def _role(self, name: str, context: str, description: str) -> aws.iam.Role:
        github = self._args.config
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": self._issuer.arn},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{ISSUER}:aud": "sts.amazonaws.com",
                            f"{ISSUER}:sub": list(github.subjects(context)),
                            f"{ISSUER}:repository_id": str(github.repository_id),
                        }
                    },
                }
            ],
        }
        return aws.iam.Role(
            name,
            name=name,
            path=f"/{self._args.project}/",
            assume_role_policy=pulumi.Output.json_dumps(trust),
            max_session_duration=3600 if not name.startswith("deploy-") else 7200,
            description=description,
            opts=pulumi.ResourceOptions(parent=self),
        )
