"""Where Pulumi keeps the state of every stack, and the key that its secrets are encrypted with."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.private_bucket import PrivateBucket, old_versions_go
from components.component import Component
from components.identity.encryption_key import CustomerManagedKey, CustomerManagedKeyArgs, EncryptionKey
from components.identity.iam import Statement, allow


@dataclass(frozen=True, slots=True)
class StateBackendArgs:
    """The bucket's name is fixed: `pulumi login s3://NAME` must be known before any state is."""

    bucket: str
    account: str
    project: str
    old_versions_days: int = 90
    history_days: int = 365

    def __post_init__(self) -> None:
        if not 3 <= len(self.bucket) <= 63:
            raise ValueError(f"a bucket's name has 3 to 63 characters: {self.bucket}")


class StateBackend(Component):
    """Where Pulumi keeps the states, protected: without them no stack can be changed or taken down.

    Makes:

    - a KMS key, also for the stacks' secrets and for images
    - a bucket: versioned, encrypted, private, open over TLS alone; versions that were replaced go after a while, and so
      does what Pulumi writes beside the states with each deployment
    """

    bucket: pulumi.Output[str]
    key: EncryptionKey

    def __init__(self, name: str, args: StateBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        protected = pulumi.ResourceOptions(parent=self, protect=True)
        self.key = CustomerManagedKey(
            name,
            CustomerManagedKeyArgs(
                f"{args.project}: state of the stacks, images", args.account, f"{args.project}/state"
            ),
            protected,
        ).key
        bucket = PrivateBucket(
            name,
            args.bucket,
            self,
            key_arn=self.key.arn,
            lifecycle_rules=[old_versions_go(args.old_versions_days), *history_goes(args.history_days)],
        ).bucket
        self._arn = bucket.arn
        self.bucket = bucket.bucket
        self.register_outputs({"bucket": self.bucket, "keyArn": self.key.arn})

    def grant_read(self, name: str, to: aws.iam.Role) -> aws.iam.RolePolicy:
        """Let a role preview any stack: read the states and decrypt their secrets."""
        return allow(name, to, *self._read_state("*"), self.key.to_decrypt(), parent=self)

    def grant_write(self, name: str, to: aws.iam.Role, stack: str) -> aws.iam.RolePolicy:
        """Let a role change one stack: its state, its history, its locks."""
        write = Statement(("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), self._objects(stack))
        return allow(
            name, to, *self._read_state(stack), write, self.key.to_encrypt(), self.key.to_decrypt(), parent=self
        )

    def _read_state(self, stack: str) -> tuple[Statement, ...]:
        meta = pulumi.Output.concat(self._arn, "/.pulumi/meta.yaml")
        return (
            Statement(("s3:ListBucket",), [self._arn]),
            Statement(("s3:GetObject",), [meta, *self._objects(stack)]),
        )

    def _objects(self, stack: str) -> list[pulumi.Output[str]]:
        """Where Pulumi's S3 backend keeps what belongs to a stack of a project."""
        project = self._args.project
        return [
            pulumi.Output.concat(self._arn, "/.pulumi/", path)
            for path in (
                f"stacks/{project}/{stack}.*",
                f"history/{project}/{stack}/*",
                f"backups/{project}/{stack}/*",
                f"locks/organization/{project}/{stack}/*",
            )
        ]


def history_goes(days: int) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    """Return the lifecycle rules by which the states of earlier deployments go: Pulumi adds some and deletes none."""
    return [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=kind,
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=f".pulumi/{kind}/"),
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
        )
        for kind in ("backups", "history")
    ]
