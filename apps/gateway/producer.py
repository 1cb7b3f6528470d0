"""Puts records on the stream in shared PutRecords calls; each is tried until it is acknowledged or its time is up.

A call takes at most 500 records and 5 MiB, keys included, and may fail for some of its records only
(https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html).
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from apps.gateway.metrics import (
    PUT_SECONDS,
    PUTS,
    RECORD_BYTES,
    RECORDS_ACKNOWLEDGED,
    RECORDS_FAILED,
    RECORDS_RETRIED,
)
from apps.gateway.room import Room
from apps.platform import aws

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

CALL_RECORDS = 500
CALL_BYTES = 5 * 1024 * 1024
GATHER_SECONDS = 0.005
"""How long the first record of a call waits for company."""
FIRST_BACKOFF = 0.05
LONGEST_BACKOFF = 1.0

log = logging.getLogger(__name__)


class NotAcknowledgedError(Exception):
    """A record was not acknowledged in time. It may be on the stream all the same: sending it again is harmless."""


class Producer:
    """Puts records on `stream`. Use it as an asynchronous context manager: calls are made only inside."""

    def __init__(
        self,
        client: "KinesisClient",
        stream: str,
        *,
        put_seconds: float,
        calls: int,
        waiting_bytes: int,
        chance: random.Random,
    ) -> None:
        self._client = client
        self._stream = stream
        self._put_seconds = put_seconds
        self._chance = chance
        self._room = Room(waiting_bytes, RECORD_BYTES)
        self._queue: deque[_Record] = deque()
        self._arrived = asyncio.Event()
        self._free = asyncio.Semaphore(calls)
        self._threads = ThreadPoolExecutor(calls, thread_name_prefix="put")
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._start(self._make_calls())
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def put(self, key: str, data: Sequence[bytes]) -> None:
        """Return once the stream has acknowledged every record of `data`, all under the partition key `key`.

        Raises NotAcknowledgedError when one of them was not in time, NoRoomError when too many are waiting already.
        """
        with self._room.hold(sum(map(len, data))):
            loop = asyncio.get_running_loop()
            deadline = loop.time() + self._put_seconds
            records = [_Record(key, item, deadline, loop.create_future()) for item in data]
            self._enqueue(*records)
            try:
                await asyncio.wait([record.acknowledged for record in records], timeout=self._put_seconds)
                failed = sum(not (record.acknowledged.done() and record.acknowledged.result()) for record in records)
            finally:
                for record in records:
                    record.acknowledged.cancel()
        RECORDS_FAILED.inc(failed)
        RECORDS_ACKNOWLEDGED.inc(len(records) - failed)
        if failed:
            raise NotAcknowledgedError(f"{failed} of {len(records)} records were not acknowledged in time")

    def _enqueue(self, *records: "_Record") -> None:
        self._queue.extend(records)
        self._arrived.set()

    async def _make_calls(self) -> None:
        while True:
            await self._free.acquire()
            self._start(self._call(await self._next_batch()))

    async def _next_batch(self) -> "list[_Record]":
        while True:
            await self._arrived.wait()
            if len(self._queue) < CALL_RECORDS:
                await asyncio.sleep(GATHER_SECONDS)
            if batch := self._take():
                return batch

    def _take(self) -> "list[_Record]":
        batch: list[_Record] = []
        size = 0
        while self._queue and len(batch) < CALL_RECORDS:
            if self._queue[0].acknowledged.done():
                self._queue.popleft()
                continue
            size += self._queue[0].size
            if size > CALL_BYTES:
                break
            batch.append(self._queue.popleft())
        if not self._queue:
            self._arrived.clear()
        return batch

    async def _call(self, batch: "list[_Record]") -> None:
        entries: list[PutRecordsRequestEntryTypeDef] = [
            {"Data": record.data, "PartitionKey": record.key} for record in batch
        ]
        try:
            started = time.perf_counter()
            answer = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: self._client.put_records(StreamName=self._stream, Records=entries)
            )
            failures = [
                None if "SequenceNumber" in item else item.get("ErrorCode", "unknown") for item in answer["Records"]
            ]
            PUTS.labels("partial" if any(failures) else "whole").inc()
        except (BotoCoreError, ClientError) as error:
            log.warning("PutRecords failed: %s", error)
            failures = [aws.error_code(error)] * len(batch)
            PUTS.labels("failed").inc()
        finally:
            PUT_SECONDS.observe(time.perf_counter() - started)
            self._free.release()
        for record, failure in zip(batch, failures, strict=True):
            if record.acknowledged.done():
                continue
            if failure is None:
                record.acknowledged.set_result(True)
            else:
                self._try_again(record, failure)

    def _try_again(self, record: "_Record", failure: str) -> None:
        """Put a record again after exponential backoff with full jitter; give it up when that would be too late."""
        loop = asyncio.get_running_loop()
        delay = self._chance.uniform(0, min(LONGEST_BACKOFF, FIRST_BACKOFF * 2**record.failures))
        record.failures += 1
        if loop.time() + delay >= record.deadline:
            record.acknowledged.set_result(False)
        else:
            RECORDS_RETRIED.labels(failure).inc()
            loop.call_later(delay, self._enqueue, record)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(eq=False, slots=True)
class _Record:
    key: str
    data: bytes
    deadline: float
    acknowledged: asyncio.Future[bool]
    failures: int = 0

    @property
    def size(self) -> int:
        return len(self.data) + len(self.key)
