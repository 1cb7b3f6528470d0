"""The Kinesis calls of a consumer: in threads, retried with backoff and jitter for as long as it takes.

The names are those of the AWS API and of the Kinesis Client Library (KCL).
"""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionFault

from apps.ingestor.errors import ExpiredIteratorError
from apps.ingestor.metrics import KINESIS_ERRORS
from apps.ingestor.records import Record
from apps.platform.aws import error_code

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 3.0
"""Seconds between two attempts, at most: short, so that reading catches up soon after a fault."""

GET_RECORDS_LIMIT = 2_000
"""Records of one GetRecords, at most; AWS also ends an answer at 10 MiB."""

RETRYABLE_ERROR_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)
"""Error codes that go away by themselves."""


class StreamSummary(NamedTuple):
    """What DescribeStreamSummary says of a stream.

    `stream_id` tells it from an earlier one of the same name, whose shards had the same names too: as KCL's
    StreamIdentifier, the name with the time of creation.
    """

    stream_id: str
    retention: timedelta


class Shard(NamedTuple):
    """A shard and those that it was split or merged from."""

    shard_id: str
    parents: tuple[str, ...]


class GetRecordsResult(NamedTuple):
    """What one GetRecords gave. Without `next_shard_iterator` the shard is closed and this is its end."""

    records: list[Record]
    next_shard_iterator: str | None
    millis_behind_latest: int


class KinesisStream:
    """One Kinesis stream, read through `client`."""

    def __init__(self, client: "KinesisClient", name: str, threads: Executor, rng: random.Random) -> None:
        self.client = client
        self.name = name
        self.threads = threads
        self.rng = rng

    async def describe(self) -> StreamSummary:
        """Return which stream this is and how long it keeps records."""
        answer = await self._call(self.client.describe_stream_summary, StreamName=self.name)
        summary = answer["StreamDescriptionSummary"]
        return StreamSummary(
            f"{self.name}/{summary['StreamCreationTimestamp'].timestamp():.0f}",
            timedelta(hours=summary["RetentionPeriodHours"]),
        )

    async def list_shards(self) -> list[Shard]:
        """Return every shard that still holds records, open or closed."""
        answer = await self._call(self.client.list_shards, StreamName=self.name)
        listed = answer["Shards"]
        while token := answer.get("NextToken"):
            answer = await self._call(self.client.list_shards, NextToken=token)
            listed += answer["Shards"]
        return [
            Shard(
                shard["ShardId"],
                tuple(shard[key] for key in ("ParentShardId", "AdjacentParentShardId") if key in shard),
            )
            for shard in listed
        ]

    async def get_shard_iterator(self, shard_id: str, after: str | None) -> str:
        """Return an iterator behind the sequence number `after`, or at the oldest record."""
        shard = {"StreamName": self.name, "ShardId": shard_id}
        start = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        answer = await self._call(self.client.get_shard_iterator, **shard, **start)  # type: ignore[arg-type]
        return answer["ShardIterator"]

    async def get_records(self, iterator: str) -> GetRecordsResult:
        """Return the next records. Raises ExpiredIteratorError."""
        try:
            answer = await self._call(self.client.get_records, ShardIterator=iterator, Limit=GET_RECORDS_LIMIT)
        except ClientError as error:
            if error_code(error) == "ExpiredIteratorException":
                raise ExpiredIteratorError from None
            raise
        records = [
            Record(record["SequenceNumber"], record["ApproximateArrivalTimestamp"], record["Data"])
            for record in answer["Records"]
        ]
        return GetRecordsResult(records, answer.get("NextShardIterator"), answer.get("MillisBehindLatest", 0))

    async def _call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        attempt = 0
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self.threads, partial(call, *args, **kwargs))
            except (ClientError, ConnectionFault, HTTPClientError) as error:
                KINESIS_ERRORS.labels(call.__name__, error_code(error)).inc()
                if not _is_retryable(error):
                    raise
                log.warning("%s failed, trying again: %s", call.__name__, error)
            attempt += 1
            backoff = min(MAX_BACKOFF_SECONDS, 0.1 * 2**attempt)
            await asyncio.sleep(self.rng.uniform(backoff / 2, backoff))


def _is_retryable(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    return (
        error_code(error) in RETRYABLE_ERROR_CODES
        or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500
    )
