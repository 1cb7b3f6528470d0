"""What outlives an environment, which may be taken down every day: its key, its secrets, its logs."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.encryption_key import CustomerManagedKey, CustomerManagedKeyArgs


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
    """What is made, under which names, and how long logs are kept. `secrets`: what each holds, as a sentence."""

    names: RetainedNames
    description: str
    secrets: Mapping[str, str]
    account: str
    region: str
    log_days: int = 30

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

    def __init__(self, name: str, args: RetainedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=True)))
        child = pulumi.ResourceOptions(parent=self)
        key = CustomerManagedKey(
            name, CustomerManagedKeyArgs(args.description, args.account, args.names.key, logs_region=args.region), child
        ).key
        for secret, secret_name in args.names.secrets.items():
            aws.secretsmanager.Secret(
                f"{name}-{secret}",
                name=secret_name,
                description=args.secrets[secret],
                kms_key_id=key.arn,
                recovery_window_in_days=30,
                opts=child,
            )
        for group in args.names.log_groups:
            aws.cloudwatch.LogGroup(
                f"{name}{group.replace('/', '-')}",
                name=group,
                retention_in_days=args.log_days,
                kms_key_id=key.arn,
                opts=child,
            )
        self.register_outputs({"keyArn": key.arn})
