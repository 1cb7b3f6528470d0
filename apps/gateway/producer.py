"""Puts records on the stream in shared PutRecords calls; each is tried until it is acknowledged or its time is up.

A call takes at most 500 records and 5 MiB, keys included, and may fail for some of its records only
(https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html).
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from apps.gateway.budget import ByteBudget
from apps.gateway.errors import NotAcknowledgedError, ProducerFailedError
from apps.gateway.metrics import (
    IN_FLIGHT_RECORD_BYTES,
    PUT_SECONDS,
    PUTS,
    RECORDS_ACKNOWLEDGED,
    RECORDS_FAILED,
    RECORDS_RETRIED,
)
from apps.platform import aws

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 1024 * 1024
"""Less than Kinesis takes: a call holds its records four times over (Base64, JSON), and four calls go on at a time."""
LINGER_SECONDS = 0.005
"""How long the first record of a call waits for company."""
INITIAL_BACKOFF_SECONDS = 0.05
MAX_BACKOFF_SECONDS = 1.0

log = logging.getLogger(__name__)


class Producer:
    """Puts records on `stream`. Use it as an asynchronous context manager: calls are made only inside.

    `on_failure` is called when no more calls can be made, by a fault of our own: then every `put` fails at once, and
    only a new process helps.
    """

    def __init__(
        self,
        client: "KinesisClient",
        stream: str,
        *,
        put_timeout_seconds: float,
        max_concurrent_puts: int,
        max_in_flight_bytes: int,
        rng: random.Random,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._put_timeout_seconds = put_timeout_seconds
        self._rng = rng
        self._budget = ByteBudget(max_in_flight_bytes, IN_FLIGHT_RECORD_BYTES)
        self._queue: deque[_Record] = deque()
        self._arrived = asyncio.Event()
        self._call_slots = asyncio.Semaphore(max_concurrent_puts)
        self._threads = ThreadPoolExecutor(max_concurrent_puts, thread_name_prefix="put")
        self._on_failure = on_failure
        self._failed = False
        self._waiting: set[_Record] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        dispatcher = asyncio.create_task(self._make_calls())
        dispatcher.add_done_callback(self._on_dispatcher_done)
        self._tasks.add(dispatcher)
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

        Raises NotAcknowledgedError when one of them was not in time, OverloadedError when too many are waiting already,
        ProducerFailedError when none will ever be put.
        """
        if self._failed:
            raise ProducerFailedError("the gateway is about to restart")
        with self._budget.reserve(sum(map(len, data))):
            loop = asyncio.get_running_loop()
            deadline = loop.time() + self._put_timeout_seconds
            records = [_Record(key, item, deadline, loop.create_future()) for item in data]
            self._waiting.update(records)
            self._enqueue(*records)
            try:
                await asyncio.wait([record.acknowledged for record in records], timeout=self._put_timeout_seconds)
                failed = sum(not (record.acknowledged.done() and record.acknowledged.result()) for record in records)
            finally:
                self._waiting.difference_update(records)
                for record in records:
                    record.acknowledged.cancel()
        RECORDS_FAILED.inc(failed)
        RECORDS_ACKNOWLEDGED.inc(len(records) - failed)
        if failed:
            raise NotAcknowledgedError("the stream did not take the readings in time")

    def _enqueue(self, *records: "_Record") -> None:
        self._queue.extend(records)
        self._arrived.set()

    async def _make_calls(self) -> None:
        while True:
            await self._call_slots.acquire()
            batch = await self._next_batch()
            call = asyncio.create_task(self._call(batch))
            call.add_done_callback(partial(self._on_call_done, batch))
            self._tasks.add(call)

    def _on_dispatcher_done(self, dispatcher: asyncio.Task[None]) -> None:
        if dispatcher.cancelled():
            return
        log.critical("no records are put on the stream any more", exc_info=dispatcher.exception())
        self._failed = True
        _give_up(self._waiting)
        self._on_failure()

    def _on_call_done(self, batch: "Sequence[_Record]", call: asyncio.Task[None]) -> None:
        self._tasks.discard(call)
        if not call.cancelled() and (error := call.exception()) is not None:
            log.error("a PutRecords call went wrong", exc_info=error)
            _give_up(batch)

    async def _next_batch(self) -> "list[_Record]":
        while True:
            await self._arrived.wait()
            if len(self._queue) < MAX_BATCH_RECORDS:
                await asyncio.sleep(LINGER_SECONDS)
            if batch := self._take():
                return batch

    def _take(self) -> "list[_Record]":
        batch: list[_Record] = []
        size = 0
        while self._queue and len(batch) < MAX_BATCH_RECORDS:
            if self._queue[0].acknowledged.done():
                self._queue.popleft()
                continue
            size += self._queue[0].size
            if size > MAX_BATCH_BYTES:
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
            self._call_slots.release()
        for record, failure in zip(batch, failures, strict=True):
            if record.acknowledged.done():
                continue
            if failure is None:
                record.acknowledged.set_result(True)
            else:
                self._retry(record, failure)

    def _retry(self, record: "_Record", failure: str) -> None:
        """Put a record again after exponential backoff with full jitter; give it up when that would be too late."""
        loop = asyncio.get_running_loop()
        delay = self._rng.uniform(0, min(MAX_BACKOFF_SECONDS, INITIAL_BACKOFF_SECONDS * 2**record.failures))
        record.failures += 1
        if loop.time() + delay >= record.deadline:
            record.acknowledged.set_result(False)
        else:
            RECORDS_RETRIED.labels(failure).inc()
            loop.call_later(delay, self._enqueue, record)


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


def _give_up(records: Iterable[_Record]) -> None:
    for record in records:
        if not record.acknowledged.done():
            record.acknowledged.set_result(False)
