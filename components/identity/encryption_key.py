"""A KMS key for one purpose."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.iam import Statement


@dataclass(frozen=True, slots=True)
class EncryptionKeyArgs:
    """What the key is for.

    `logs_region`: where CloudWatch Logs writes with it by itself. `outlives_stack`: it stays when its stack goes, for
    what was encrypted with it and stays too.
    """

    description: str
    account: str
    logs_region: str | None = None
    deletion_days: int = 7
    outlives_stack: bool = False

    def __post_init__(self) -> None:
        if not 7 <= self.deletion_days <= 30:
            raise ValueError(f"a KMS key waits 7 to 30 days for its deletion, not {self.deletion_days}")


class EncryptionKey(Component):
    """A symmetric key for one purpose.

    Makes:

    - a KMS key that is rotated each year
    - its alias
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._key = aws.kms.Key(
            name,
            description=args.description,
            enable_key_rotation=True,
            deletion_window_in_days=args.deletion_days,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": _statements(args)}),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.outlives_stack),
        )
        aws.kms.Alias(
            name, name_prefix=f"alias/{name}-", target_key_id=self._key.key_id, opts=pulumi.ResourceOptions(parent=self)
        )
        self.arn = self._key.arn
        self.register_outputs({"arn": self.arn})

    def to_encrypt(self) -> Statement:
        """Return the permission to write what the key protects."""
        return Statement(("kms:GenerateDataKey",), [self.arn])

    def to_decrypt(self) -> Statement:
        """Return the permission to read what the key protects."""
        return Statement(("kms:Decrypt",), [self.arn])


def _statements(args: EncryptionKeyArgs) -> list[dict[str, Any]]:
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
                "Principal": {"Service": f"logs.{args.logs_region}.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "*",
                "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
            }
        )
    return statements
