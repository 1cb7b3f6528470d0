"""Where the archive of an environment lies, which may come and go while its past stays."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.archive_queries import RESULTS
from components.account.private_bucket import PrivateBucket, old_versions_go
from components.component import Component
from components.identity.iam import Statement, allow


def archive_bucket_name(project: str, environment: str, account: str) -> str:
    """Return the name of an environment's archive: both stacks must know it, and bucket names are the whole world's."""
    return f"{project}-archive-{environment}-{account}"


@dataclass(frozen=True, slots=True)
class ArchiveBucketArgs:
    """The bucket's fixed name, the key that its files are encrypted with, and when they move to a colder class.

    `old_versions_days`: how long what was replaced or deleted can be brought back. Then it is gone: so long takes a
    person's right to be forgotten.
    """

    bucket: str
    key_arn: pulumi.Input[str]
    colder_after_days: int
    old_versions_days: int = 7

    def __post_init__(self) -> None:
        if len(self.bucket) > 63:
            raise ValueError(
                f"a bucket's name has at most 63 characters, and {self.bucket} has {len(self.bucket)}: "
                "give the environment a shorter name"
            )


class ArchiveBucket(Component):
    """Where days of readings lie for years. It is the account's: who deploys an environment cannot delete it.

    Makes:

    - a bucket: private, versioned, encrypted with the environment's key, protected; its files move to a colder class
      that answers as quickly; uploads that were never finished go, and answers of questions after some days
    """

    def __init__(self, name: str, args: ArchiveBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.arn = f"arn:aws:s3:::{args.bucket}"
        PrivateBucket(
            name,
            args.bucket,
            self,
            key_arn=args.key_arn,
            lifecycle_rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="colder",
                    status="Enabled",
                    # The manifests are small and read each night.
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="readings/"),
                    transitions=[
                        aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(
                            days=args.colder_after_days, storage_class="GLACIER_IR"
                        )
                    ],
                ),
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="unfinished",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=2
                    ),
                ),
                old_versions_go(args.old_versions_days),
                # What Athena answered.
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="answers",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=RESULTS),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.old_versions_days),
                ),
            ],
        )
        self.register_outputs({})

    def grant_find(self, name: str, to: aws.iam.Role) -> aws.iam.RolePolicy:
        """Let a role see that it is there."""
        return allow(name, to, Statement(("s3:GetBucketLocation", "s3:ListBucket"), [self.arn]), parent=to)
