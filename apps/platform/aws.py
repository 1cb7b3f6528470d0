"""Clients of AWS. boto3 blocks: call them in threads."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from apps.platform.settings import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


def kinesis(
    settings: AwsSettings, connections: int = 16, *, read_timeout: float = 15, attempts: int = 2
) -> "KinesisClient":
    """Return a Kinesis client that retries little by itself: the callers know better what to do."""
    return boto3.client(
        "kinesis",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": attempts},
            tcp_keepalive=True,
        ),
    )


def cloudwatch(settings: AwsSettings) -> Any:
    """Return a CloudWatch client for a job that comes again soon."""
    return boto3.client(
        "cloudwatch",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3}),
    )


def error_code(error: BotoCoreError | ClientError) -> str:
    """Return AWS's own name of an error, or what kept AWS from being reached."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
