"""Where load balancers write who asked for what."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.private_bucket import PrivateBucket, old_versions_go
from components.component import Component


@dataclass(frozen=True, slots=True)
class AccessLogBucketArgs:
    """The bucket's fixed name, and the environments whose load balancers write into it, each into its own folder."""

    bucket: str
    account: str
    environments: Sequence[str]
    keep_days: int = 90

    def __post_init__(self) -> None:
        if self.keep_days < 1:
            raise ValueError(f"access logs are kept for at least 1 day, not {self.keep_days}")


class AccessLogBucket(Component):
    """Where load balancers write who asked for what. It is the account's: who deploys an environment cannot empty it.

    Makes:

    - a bucket: private, versioned, encrypted by S3, as load balancers write with no key of ours; logs go after a while
    """

    def __init__(self, name: str, args: AccessLogBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        arn = f"arn:aws:s3:::{args.bucket}"
        PrivateBucket(
            name,
            args.bucket,
            self,
            key_arn=None,
            lifecycle_rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="logs",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.keep_days),
                ),
                old_versions_go(1),
            ],
            statements=[
                {
                    "Sid": "LoadBalancersWrite",
                    "Effect": "Allow",
                    "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": [f"{arn}/{environment}/AWSLogs/{args.account}/*" for environment in args.environments],
                }
            ],
        )
        self.register_outputs({})
