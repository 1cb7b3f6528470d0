"""Reading one shard, from its checkpoint to its end.

Whatever goes wrong, a consumer forgets what it holds and ends: reading begins again at the checkpoint in the
database, which is the only truth. So at most one page and one batch are in memory, however slow the database is.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

from apps.ingestor.batch import Batch
from apps.ingestor.leases import Lease
from apps.ingestor.metrics import BATCH_LAG, BEHIND_LATEST, RETENTION_GAPS
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import ExpiredIteratorError, Page, Stream
from apps.ingestor.writer import Position, Writer

log = logging.getLogger(__name__)

MIN_POLL_SECONDS = 0.2
"""Seconds: AWS gives a shard five GetRecords a second."""


class ShardConsumer:
    """Reads the shard of `lease` and writes what it holds."""

    def __init__(
        self, lease: Lease, stream: Stream, writer: Writer, settings: IngestorSettings, stopping: asyncio.Event
    ) -> None:
        self.lease = lease
        self.position = Position(lease.checkpoint, lease.read_until)
        self._stream = stream
        self._writer = writer
        self._settings = settings
        self._stopping = stopping
        self._batch = Batch()

    async def run(self, retention: timedelta) -> None:
        """Read until the shard ends or `stopping` is set. Raises FencedError when the lease is lost, and any fault."""
        shard_id = self.lease.shard_id
        if self.lease.unread > retention:
            self._report_gap(retention)
        lag = BATCH_LAG.labels(shard_id)
        lag.set_function(lambda: max(0.0, (datetime.now(UTC) - self.position.read_until).total_seconds()))
        try:
            await self._read()
        finally:
            BATCH_LAG.remove(shard_id)
            BEHIND_LATEST.remove(shard_id)

    async def _read(self) -> None:
        iterator: str | None = await self._stream.iterator(self.lease.shard_id, self.position.checkpoint)
        while iterator is not None:
            asked, asked_at = time.monotonic(), datetime.now(UTC)
            try:
                page = await self._stream.page(iterator)
            except ExpiredIteratorError:
                iterator = await self._stream.iterator(self.lease.shard_id, self._last_read())
                continue
            await self._take_in(page)
            iterator = page.next_iterator
            caught_up = not page.behind
            if caught_up and self._batch.last is None:
                self.position = Position(self.position.checkpoint, asked_at)
            if self._stopping.is_set():
                break
            pause = self._settings.poll_seconds if caught_up else MIN_POLL_SECONDS
            next_poll = asked + pause
            if self._batch.last and next_poll > self._batch.opened + self._settings.batch_seconds:
                await self._write()
            if iterator is not None:
                await self._wait(next_poll - time.monotonic())
        await self._write(finished=iterator is None)

    async def _take_in(self, page: Page) -> None:
        BEHIND_LATEST.labels(self.lease.shard_id).set(page.behind.total_seconds())
        for record in page.records:
            self._batch.add(record)
            if len(self._batch) >= self._settings.batch_rows:
                await self._write()

    async def _write(self, *, finished: bool = False) -> None:
        batch, self._batch = self._batch, Batch()
        if batch.last is None and not finished:
            return
        after = Position(self.position.checkpoint, self.position.read_until, finished)
        if batch.last is not None:
            after = Position(batch.last.sequence_number, batch.last.arrived_at, finished)
        await self._writer.write(self.lease, self.position, batch, after)
        self.position = after

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def _last_read(self) -> str | None:
        return self._batch.last.sequence_number if self._batch.last else self.position.checkpoint

    def _report_gap(self, retention: timedelta) -> None:
        RETENTION_GAPS.inc()
        log.error(
            "shard %s was not read since %s and its stream keeps records for %s: what arrived in between is lost",
            self.lease.shard_id,
            self.lease.read_until.isoformat(),
            retention,
        )
