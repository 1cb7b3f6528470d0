"""Clients of AWS. boto3 blocks: call them in threads."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from apps.platform.settings import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


def kinesis(settings: AwsSettings, connections: int = 16) -> "KinesisClient":
    """Return a Kinesis client that retries little by itself: the callers know better what to do."""
    return boto3.client(
        "kinesis",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(
            connect_timeout=5,
            read_timeout=15,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": 2},
            tcp_keepalive=True,
        ),
    )
