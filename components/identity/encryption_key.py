"""KMS keys: what makes one, and what everybody else holds of it."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.iam import Statement


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key as those hold it who encrypt with it, wherever it was made."""

    arn: pulumi.Input[str]

    def to_encrypt(self, *through: str) -> Statement:
        """Return the permission to write what the key protects; `through`: by these services alone, if any is named."""
        return Statement(("kms:GenerateDataKey",), [self.arn], _only(through))

    def to_decrypt(self, *through: str) -> Statement:
        """Return the permission to read what the key protects; `through`: by these services alone, if any is named."""
        return Statement(("kms:Decrypt",), [self.arn], _only(through))


def service(name: str, region: str) -> str:
    """Return a service as KMS calls it when it uses a key for somebody, for example `kinesis`."""
    return f"{name}.{region}.amazonaws.com"


@dataclass(frozen=True, slots=True)
class CustomerManagedKeyArgs:
    """What the key is for.

    `alias`: the name by which others find it, without `alias/`. `logs_region`: where CloudWatch Logs writes with it by
    itself.
    """

    description: str
    account: str
    alias: str
    logs_region: str | None = None


class CustomerManagedKey(Component):
    """A symmetric key of the account's own. Were it deleted, it could be brought back for 30 days.

    Makes:

    - a KMS key that is rotated each year
    - its alias
    """

    key: EncryptionKey

    def __init__(self, name: str, args: CustomerManagedKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        key = aws.kms.Key(
            name,
            description=args.description,
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": _statements(args)}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.kms.Alias(
            name, name=f"alias/{args.alias}", target_key_id=key.key_id, opts=pulumi.ResourceOptions(parent=self)
        )
        self.key = EncryptionKey(key.arn)
        self.register_outputs({"arn": self.key.arn})


def _only(through: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {"StringEquals": {"kms:ViaService": list(through)}} if through else {}


def _statements(args: CustomerManagedKeyArgs) -> list[dict[str, Any]]:
    # In a key's own policy the resource "*" is this key. The account's root hands the decision to IAM.
    statements: list[dict[str, Any]] = [
        {
            "Sid": "DecidedByIam",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{args.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
    if args.logs_region:
        logs = f"arn:aws:logs:{args.logs_region}:{args.account}:*"
        statements.append(
            {
                "Sid": "Logs",
                "Effect": "Allow",
                "Principal": {"Service": service("logs", args.logs_region)},
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
            }
        )
    return statements
