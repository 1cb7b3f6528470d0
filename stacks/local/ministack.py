"""AWS on this machine: MiniStack, with the stream that readings travel on."""

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3

from stacks.local.children import Program
from stacks.local.places import Places
from stacks.local.plan import HOST, REGION, Surroundings, aws

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

SHARDS = 2
"""One for each ingestor."""


def program(around: Surroundings, places: Places) -> Program:
    """Return MiniStack as a program to keep."""
    home = places.data("ministack")
    home.mkdir(parents=True, exist_ok=True)
    return Program(
        name="ministack",
        command=(sys.executable, "-m", "ministack"),
        log=places.logs / "ministack.log",
        environment={
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(around.ports["ministack"]),
            "MINISTACK_REGION": REGION,
            "SERVICES": "kinesis,sts",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # It would tidy up containers that it believes to be its own.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "TMPDIR": str(home),
        },
        ready=around.url("ministack") + "/_ministack/health",
    )


async def create_stream(around: Surroundings) -> None:
    """Create the stream of this run. MiniStack keeps records in memory: an older run's checkpoints mean nothing."""
    await asyncio.to_thread(_create_stream, around)


async def drained(around: Surroundings, checkpoints: Mapping[str, str | None]) -> bool:
    """Return whether nothing on the stream lies behind its shard's checkpoint."""
    return await asyncio.to_thread(_drained, around, checkpoints)


def _create_stream(around: Surroundings) -> None:
    kinesis = _client(around)
    kinesis.create_stream(StreamName=around.stream, ShardCount=SHARDS)
    kinesis.get_waiter("stream_exists").wait(StreamName=around.stream, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _drained(around: Surroundings, checkpoints: Mapping[str, str | None]) -> bool:
    kinesis = _client(around)
    for shard in kinesis.list_shards(StreamName=around.stream)["Shards"]:
        name, checkpoint = shard["ShardId"], checkpoints.get(shard["ShardId"])
        iterator = (
            kinesis.get_shard_iterator(
                StreamName=around.stream,
                ShardId=name,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                StartingSequenceNumber=checkpoint,
            )
            if checkpoint
            else kinesis.get_shard_iterator(StreamName=around.stream, ShardId=name, ShardIteratorType="TRIM_HORIZON")
        )
        if kinesis.get_records(ShardIterator=iterator["ShardIterator"], Limit=1)["Records"]:
            return False
    return True


def _client(around: Surroundings) -> "KinesisClient":
    reached = aws(around)
    return boto3.client(
        "kinesis",
        region_name=REGION,
        endpoint_url=reached["AWS_ENDPOINT_URL"],
        aws_access_key_id=reached["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=reached["AWS_SECRET_ACCESS_KEY"],
    )
