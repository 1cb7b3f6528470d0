"""The rules behind which people sign in.

They are made by CloudFormation, which takes the client's secret from Secrets Manager by itself. A listener rule of
Pulumi's carries it through the program, so that whoever previews must read it, and into the state, where it stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.network.config import LoginConfig

FIRST_PRIORITY = 100
"""Every rule of the listener that asks nobody to sign in comes before."""
SESSION_SECONDS = 12 * 60 * 60


@dataclass(frozen=True, slots=True)
class ProtectedPath:
    """Path patterns, where they lead, and whether who has not signed in is sent to the login, or refused with 401."""

    patterns: Sequence[str]
    target_group_arn: pulumi.Input[str]
    sends_to_login: bool


@dataclass(frozen=True, slots=True)
class LoginRulesArgs:
    """Which paths of which listener ask people to sign in, in the order in which they are tried."""

    config: LoginConfig
    listener_arn: pulumi.Input[str]
    paths: Mapping[str, ProtectedPath]


class LoginRules(Component):
    """The rules of a listener behind which people sign in.

    Makes:

    - a CloudFormation stack with a rule for each path, which signs people in with OpenID Connect and forwards
    """

    def __init__(self, name: str, args: LoginRulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        rules = {f"{path.title()}Rule": _rule(args, index, args.paths[path]) for index, path in enumerate(args.paths)}
        self.stack = aws.cloudformation.Stack(
            name,
            template_body=pulumi.Output.json_dumps({"Resources": rules}),
            on_failure="DELETE",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def secret_reference(config: LoginConfig) -> str:
    """Return what CloudFormation replaces by the client's secret. It looks again when the reference changes."""
    version = f":::{config.client_secret_version}" if config.client_secret_version else ""
    return f"{{{{resolve:secretsmanager:{config.client_secret_name}:SecretString{version}}}}}"


def _rule(args: LoginRulesArgs, index: int, path: ProtectedPath) -> dict[str, Any]:
    config = args.config
    oidc = {
        "Issuer": config.issuer,
        "AuthorizationEndpoint": config.authorization_endpoint,
        "TokenEndpoint": config.token_endpoint,
        "UserInfoEndpoint": config.user_info_endpoint,
        "ClientId": config.client_id,
        "ClientSecret": secret_reference(config),
        "OnUnauthenticatedRequest": "authenticate" if path.sends_to_login else "deny",
        "Scope": config.scope,
        "SessionTimeout": str(SESSION_SECONDS),
    }
    return {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": args.listener_arn,
            "Priority": FIRST_PRIORITY + index,
            "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(path.patterns)}}],
            "Actions": [
                {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": oidc},
                {"Type": "forward", "Order": 2, "TargetGroupArn": path.target_group_arn},
            ],
        },
    }
