"""Reading one shard, from its checkpoint to its end.

Whatever goes wrong, a consumer forgets what it holds and ends: reading begins again at the checkpoint in the
database, which is the only truth. So the records of one GetRecords and one batch are in memory at most, however slow
the database is.
"""

import asyncio
import logging
from datetime import timedelta

from apps.ingestor.batch import Batch
from apps.ingestor.clock import Clock
from apps.ingestor.errors import ExpiredIteratorError
from apps.ingestor.leases import Lease
from apps.ingestor.metrics import BATCH_LAG, BEHIND_LATEST, RETENTION_GAPS
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import GetRecordsResult, KinesisStream
from apps.ingestor.writer import Checkpoint, Writer

log = logging.getLogger(__name__)

MIN_POLL_SECONDS = 0.2
"""AWS gives a shard five GetRecords a second."""


class ShardConsumer:
    """Reads the shard of `lease` and writes what it holds."""

    def __init__(
        self,
        lease: Lease,
        stream: KinesisStream,
        writer: Writer,
        settings: IngestorSettings,
        stopping: asyncio.Event,
        clock: Clock,
    ) -> None:
        self.lease = lease
        self.checkpoint = Checkpoint(lease.checkpoint, lease.stored_through)
        self._stream = stream
        self._writer = writer
        self._settings = settings
        self._stopping = stopping
        self._clock = clock
        self._batch = self._new_batch()
        self._write_by = 0.0
        """When the batch is to be written at the latest, on the monotonic clock."""

    async def run(self, retention: timedelta) -> None:
        """Read until the shard ends or `stopping` is set. Raises FencedError when the lease is lost, and any fault."""
        shard_id = self.lease.shard_id
        if self.lease.lag > retention:
            self._report_data_loss(retention)
        lag = BATCH_LAG.labels(shard_id)
        lag.set_function(lambda: max(0.0, (self._clock.now() - self.checkpoint.stored_through).total_seconds()))
        try:
            await self._read()
        finally:
            BATCH_LAG.remove(shard_id)
            BEHIND_LATEST.remove(shard_id)

    async def _read(self) -> None:
        iterator: str | None = await self._stream.get_shard_iterator(
            self.lease.shard_id, self.checkpoint.sequence_number
        )
        while iterator is not None:
            polled, polled_at = self._clock.monotonic(), self._clock.now()
            try:
                result = await self._stream.get_records(iterator)
            except ExpiredIteratorError:
                iterator = await self._stream.get_shard_iterator(self.lease.shard_id, self._last_read())
                continue
            await self._process_records(result)
            iterator = result.next_shard_iterator
            caught_up = not result.millis_behind_latest
            if caught_up and self._batch.last_record is None:
                self.checkpoint = Checkpoint(self.checkpoint.sequence_number, polled_at)
            if self._stopping.is_set():
                break
            next_poll = polled + (self._settings.poll_seconds if caught_up else MIN_POLL_SECONDS)
            if self._batch.last_record and next_poll > self._write_by:
                await self._write()
            if iterator is not None:
                await self._wait(next_poll - self._clock.monotonic())
        await self._write(is_shard_end=iterator is None)

    async def _process_records(self, result: GetRecordsResult) -> None:
        BEHIND_LATEST.labels(self.lease.shard_id).set(result.millis_behind_latest / 1000)
        for record in result.records:
            if self._batch.last_record is None:
                self._write_by = self._clock.monotonic() + self._settings.batch_seconds
            self._batch.add(record)
            if len(self._batch) >= self._settings.batch_rows:
                await self._write()

    async def _write(self, *, is_shard_end: bool = False) -> None:
        batch, self._batch = self._batch, self._new_batch()
        if batch.last_record is None and not is_shard_end:
            return
        after = Checkpoint(self.checkpoint.sequence_number, self.checkpoint.stored_through, is_shard_end)
        if batch.last_record is not None:
            after = Checkpoint(batch.last_record.sequence_number, batch.last_record.arrived_at, is_shard_end)
        await self._writer.write(self.lease, self.checkpoint, batch, after)
        self.checkpoint = after

    def _new_batch(self) -> Batch:
        return Batch(self._settings.readings_retention_months)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def _last_read(self) -> str | None:
        return self._batch.last_record.sequence_number if self._batch.last_record else self.checkpoint.sequence_number

    def _report_data_loss(self, retention: timedelta) -> None:
        RETENTION_GAPS.inc()
        log.error(
            "shard %s was not read since %s and its stream keeps records for %s: what arrived in between is lost",
            self.lease.shard_id,
            self.lease.stored_through.isoformat(),
            retention,
        )
