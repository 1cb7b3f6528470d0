"""AWS on this machine: MiniStack, with the stream that readings travel on and the bucket of the archive."""

import asyncio
import random
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import asyncpg
import boto3
from botocore.config import Config

from apps.ingestor.stream import KinesisStream
from apps.resources import ARCHIVE_FILES
from local.measure import checkpoints
from local.paths import Paths
from local.plan import HOST, REGION, LocalEnvironment, aws
from local.process.children import Program

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client

SHARDS = 2
"""One for each ingestor."""


def program(env: LocalEnvironment, paths: Paths) -> Program:
    """Return MiniStack as a program to keep."""
    home = paths.data("ministack")
    home.mkdir(parents=True, exist_ok=True)
    return Program(
        name="ministack",
        command=(sys.executable, "-m", "ministack"),
        log=paths.logs / "ministack.log",
        environment={
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(env.ports["ministack"]),
            "MINISTACK_REGION": REGION,
            "SERVICES": "kinesis,s3,sts",
            # What is archived must be there as long as the database that says so.
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(home / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # It would tidy up containers that it believes to be its own.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "TMPDIR": str(home),
        },
        ready=env.url("ministack") + "/_ministack/health",
    )


async def create_stream(env: LocalEnvironment) -> None:
    """Create the stream. MiniStack keeps it in memory: each run has a new one."""
    await asyncio.to_thread(_create_stream, env)


async def create_bucket(env: LocalEnvironment) -> None:
    """Create the bucket of the archive, unless an earlier run has."""
    await asyncio.to_thread(_create_bucket, env)


async def until_written(env: LocalEnvironment, connection: asyncpg.Connection, seconds: float) -> bool:
    """Wait until no record lies behind its shard's checkpoint. Return False when that takes longer than `seconds`."""
    with ThreadPoolExecutor(1) as threads:
        stream = KinesisStream(_client(env), env.stream, threads, random.Random())  # noqa: S311 - spreads retries, keeps no secret
        identity = (await stream.describe()).stream_id
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await _written(stream, await checkpoints(connection, identity)):
                return True
            await asyncio.sleep(0.2)
    return False


async def _written(stream: KinesisStream, done: Mapping[str, str | None]) -> bool:
    for shard in await stream.list_shards():
        iterator = await stream.get_shard_iterator(shard.shard_id, done.get(shard.shard_id))
        if (await stream.get_records(iterator)).records:
            return False
    return True


def _create_stream(env: LocalEnvironment) -> None:
    kinesis = _client(env)
    kinesis.create_stream(StreamName=env.stream, ShardCount=SHARDS)
    kinesis.get_waiter("stream_exists").wait(StreamName=env.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _create_bucket(env: LocalEnvironment) -> None:
    reached = aws(env)
    s3: S3Client = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=reached["AWS_ENDPOINT_URL"],
        aws_access_key_id=reached["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=reached["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
    if ARCHIVE_FILES.name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=ARCHIVE_FILES.name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def _client(env: LocalEnvironment) -> "KinesisClient":
    reached = aws(env)
    return boto3.client(
        "kinesis",
        region_name=REGION,
        endpoint_url=reached["AWS_ENDPOINT_URL"],
        aws_access_key_id=reached["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=reached["AWS_SECRET_ACCESS_KEY"],
    )
