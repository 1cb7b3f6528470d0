"""A bucket for what nobody may lose or read from outside."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws


class PrivateBucket:
    """A bucket that is versioned, encrypted, closed to the public, and open over TLS alone."""

    bucket: aws.s3.Bucket

    def __init__(
        self,
        name: str,
        bucket: str,
        parent: pulumi.Resource,
        *,
        key_arn: pulumi.Input[str] | None,
        lifecycle_rules: Sequence[aws.s3.BucketLifecycleConfigurationRuleArgs],
        statements: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Make it, protected. `key_arn`: None: a key of S3's own. `statements`: more that its policy says."""
        child = pulumi.ResourceOptions(parent=parent)
        self.bucket = aws.s3.Bucket(name, bucket=bucket, opts=pulumi.ResourceOptions(parent=parent, protect=True))
        settings = [
            aws.s3.BucketPublicAccessBlock(
                name,
                bucket=self.bucket.id,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=child,
            ),
            aws.s3.BucketVersioning(
                name,
                bucket=self.bucket.id,
                versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
                opts=child,
            ),
        ]
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    bucket_key_enabled=key_arn is not None,
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="AES256" if key_arn is None else "aws:kms", kms_master_key_id=key_arn
                    ),
                )
            ],
            opts=child,
        )
        after = pulumi.ResourceOptions(parent=parent, depends_on=settings)
        aws.s3.BucketLifecycleConfiguration(name, bucket=self.bucket.id, rules=list(lifecycle_rules), opts=after)
        only_tls = {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.bucket.arn, pulumi.Output.concat(self.bucket.arn, "/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        policy = {"Version": "2012-10-17", "Statement": [only_tls, *statements]}
        aws.s3.BucketPolicy(name, bucket=self.bucket.id, policy=pulumi.Output.json_dumps(policy), opts=after)


def old_versions_go(days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """Return the lifecycle rule by which versions that were replaced or deleted go after some days."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id="old-versions",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=days
        ),
    )
