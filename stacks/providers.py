"""The provider of AWS: one account, one region, and the tags that everything carries."""

import pulumi_aws as aws

from stacks.config import PROJECT, StackConfig

EMULATED = (
    "acm",
    "athena",
    "autoscaling",
    "budgets",
    "cloudformation",
    "cloudwatchlogs",
    "codebuild",
    "ec2",
    "ecr",
    "eks",
    "elbv2",
    "emrserverless",
    "glue",
    "iam",
    "kinesis",
    "kms",
    "rds",
    "route53",
    "s3",
    "s3control",
    "scheduler",
    "secretsmanager",
    "sts",
    "wafv2",
)
"""Services that a stack uses; with an emulator, all of them must lead there."""


def stack_tags(stack: str) -> dict[str, str]:
    """Return the tags that everything of a stack carries, also what AWS or a chart makes for it."""
    return {"project": PROJECT, "stack": stack, "managed-by": "pulumi"}


def aws_provider(config: StackConfig, stack: str) -> aws.Provider:
    """Return the provider. It refuses to work in any account but the configured one."""
    tags = aws.ProviderDefaultTagsArgs(tags=stack_tags(stack))
    if config.emulator is None:
        return aws.Provider("aws", region=config.region, allowed_account_ids=[config.account], default_tags=tags)
    endpoint = config.emulator.rstrip("/")
    return aws.Provider(
        "aws",
        region=config.region,
        allowed_account_ids=[config.account],
        default_tags=tags,
        endpoints=[aws.ProviderEndpointArgs(**dict.fromkeys(EMULATED, endpoint))],
        skip_credentials_validation=True,
        skip_metadata_api_check=True,
        s3_use_path_style=True,
        max_retries=3,
    )
