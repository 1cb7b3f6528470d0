"""Where Pulumi keeps the state of every stack, and the key that its secrets are encrypted with."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.identity.iam import Statement, allow


@dataclass(frozen=True, slots=True)
class StateBackendArgs:
    """The bucket's name is fixed: `pulumi login s3://NAME` must be known before any state is."""

    bucket: str
    account: str
    project: str
    old_versions_days: int = 90

    def __post_init__(self) -> None:
        if not 3 <= len(self.bucket) <= 63:
            raise ValueError(f"a bucket's name has 3 to 63 characters: {self.bucket}")


class StateBackend(Component):
    """Where Pulumi keeps the states, protected: without them no stack can be changed or taken down.

    Makes:

    - a KMS key, also for the stacks' secrets
    - a bucket: versioned, encrypted, private, open over TLS alone; versions that were replaced go after a while
    """

    bucket: pulumi.Output[str]
    key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: StateBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        child = pulumi.ResourceOptions(parent=self)
        protected = pulumi.ResourceOptions(parent=self, protect=True)
        self._key = EncryptionKey(
            name, EncryptionKeyArgs(f"{args.project}: state of the stacks", args.account, deletion_days=30), protected
        )
        bucket = aws.s3.Bucket(name, bucket=args.bucket, opts=protected)
        self._arn = bucket.arn
        privacy = [
            aws.s3.BucketPublicAccessBlock(
                name,
                bucket=bucket.id,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=child,
            ),
            aws.s3.BucketVersioning(
                name,
                bucket=bucket.id,
                versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
                opts=child,
            ),
        ]
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    bucket_key_enabled=True,
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms", kms_master_key_id=self._key.arn
                    ),
                )
            ],
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="old-versions",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=args.old_versions_days
                    ),
                )
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=privacy),
        )
        only_tls = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "OnlyTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
        aws.s3.BucketPolicy(
            name,
            bucket=bucket.id,
            policy=pulumi.Output.json_dumps(only_tls),
            opts=pulumi.ResourceOptions(parent=self, depends_on=privacy),
        )
        self.bucket, self.key_arn = bucket.bucket, self._key.arn
        self.register_outputs({"bucket": self.bucket, "keyArn": self.key_arn})

    def grant_read(self, name: str, to: aws.iam.Role) -> aws.iam.RolePolicy:
        """Let a role preview any stack: read the states and decrypt their secrets."""
        return allow(name, to, *self._read_state("*"), self._key.to_decrypt(), parent=self)

    def grant_write(self, name: str, to: aws.iam.Role, stack: str) -> aws.iam.RolePolicy:
        """Let a role change one stack: its state, its history, its locks."""
        write = Statement(("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), self._objects(stack))
        return allow(
            name, to, *self._read_state(stack), write, self._key.to_encrypt(), self._key.to_decrypt(), parent=self
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
