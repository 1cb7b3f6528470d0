"""What outlives an environment, which may be taken down every day: its key, its secrets, its logs."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.encryption_key import CustomerManagedKey, CustomerManagedKeyArgs, service
from components.identity.iam import Statement, allow

LOG_DAYS = 30
"""How long logs of environments are kept."""


@dataclass(frozen=True, slots=True)
class RetainedNames:
    """By which names an environment finds what outlives it.

    `key`: the alias of its key. `secrets`: as the environment calls each -> its name in Secrets Manager. `log_groups`:
    all that AWS writes into for it.
    """

    key: str
    secrets: Mapping[str, str]
    log_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RetainedArgs:
    """What is made, under which names. `secrets`: what each holds, as a sentence."""

    names: RetainedNames
    description: str
    secrets: Mapping[str, str]
    account: str
    region: str

    def __post_init__(self) -> None:
        if self.names.secrets.keys() != self.secrets.keys():
            raise ValueError("each secret has a name and a sentence that says what it holds")


class Retained(Component):
    """What of an environment stays when it goes. All of it is protected: a line less in a file takes nothing away.

    Makes:

    - the KMS key of the environment: for its data and their snapshots, its secrets and its logs
    - each secret that people or processes put in, without a value
    - each log group that AWS would make by itself otherwise: without an end, and again after a stack was destroyed
    """

    key_arn: pulumi.Input[str]

    def __init__(self, name: str, args: RetainedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)))
        child = pulumi.ResourceOptions(parent=self)
        self._args = args
        self._key = CustomerManagedKey(
            name, CustomerManagedKeyArgs(args.description, args.account, args.names.key, logs_region=args.region), child
        ).key
        self._secrets = [
            aws.secretsmanager.Secret(
                f"{name}-{secret}",
                name=secret_name,
                description=args.secrets[secret],
                kms_key_id=self._key.arn,
                recovery_window_in_days=30,
                opts=child,
            )
            for secret, secret_name in args.names.secrets.items()
        ]
        self._log_groups = [
            aws.cloudwatch.LogGroup(
                f"{name}{group.replace('/', '-')}",
                name=group,
                retention_in_days=LOG_DAYS,
                kms_key_id=self._key.arn,
                opts=child,
            )
            for group in args.names.log_groups
        ]
        self.key_arn = self._key.arn
        self.register_outputs({"keyArn": self._key.arn})

    def grant_find(self, name: str, to: aws.iam.Role) -> aws.iam.RolePolicy:
        """Let a role find all of it, and encrypt with the key what a stack makes; never change it or read a secret."""
        services = [service(called, self._args.region) for called in ("ec2", "kinesis", "rds", "secretsmanager")]
        return allow(
            name,
            to,
            # EKS and RDS let themselves use it later.
            Statement(("kms:CreateGrant", "kms:DescribeKey"), [self._key.arn]),
            self._key.to_encrypt(*services),
            self._key.to_decrypt(*services),
            Statement(
                ("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"),
                [secret.arn for secret in self._secrets],
            ),
            Statement(("logs:ListTagsForResource",), [group.arn for group in self._log_groups]),
            # It looks for a group by its beginning.
            Statement(
                ("logs:DescribeLogGroups",), [f"arn:aws:logs:{self._args.region}:{self._args.account}:log-group:*"]
            ),
            # Not of this component, all of which is protected.
            parent=to,
        )
