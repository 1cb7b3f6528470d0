"""Writing a batch: readings, rejected items and the shard's new checkpoint in one transaction, or nothing at all."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg
from opentelemetry import propagate, trace

from apps.domain.readings import StoredReading
from apps.ingestor.batch import Batch
from apps.ingestor.clock import Clock
from apps.ingestor.leases import Lease
from apps.ingestor.metrics import (
    COMMIT_ROWS,
    COMMIT_SECONDS,
    DELIVERY_SECONDS,
    FENCED_WRITES,
    RECORDS,
    REJECTS,
    REJECTS_NOT_KEPT,
    Outcome,
)
from apps.ingestor.records import LocatedReading, RejectCause, RejectedItem, reject
from apps.ingestor.reject_quota import RejectQuota
from apps.ingestor.settings import IngestorSettings
from apps.storage.channels import Channel, notify
from apps.storage.connection import Connection
from apps.storage.errors import FencedError
from apps.storage.readings import Conflict, is_missing_partition, register_unknown, store, with_partitions
from apps.storage.series import MetricLimits, SeriesLimit

DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.RaiseError)
"""What the database says when a row itself is at fault, and not the connection or the moment."""

CONNECT_TIMEOUT_SECONDS = 10
"""Time to get a connection, and to give back one that was interrupted."""

MAX_SPAN_LINKS = 128
"""Links of one span; OpenTelemetry keeps no more by default."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a shard is stored. Only the database's is the truth; this is the one that a consumer last knew."""

    sequence_number: str | None
    """Of the last record; None before the first."""
    stored_through: datetime
    """All that arrived before this time is stored."""
    is_shard_end: bool = False
    """The shard is closed and all of it is stored: SHARD_END in KCL."""


class Writer:
    """Writes batches through `pool`, never on all of its connections, so that leases always find one."""

    def __init__(self, pool: asyncpg.Pool, settings: IngestorSettings, clock: Clock) -> None:
        self.pool = pool
        self.stream_name = settings.readings_stream
        self.semaphore = asyncio.Semaphore(settings.database_connections - 1)
        self.clock = clock
        limits = MetricLimits(settings.device_max_metrics, settings.device_new_metrics_per_day)
        self.series_limit = SeriesLimit(limits, settings.max_unregistered_devices)
        self.reject_quota = RejectQuota(settings.device_rejects_per_day, settings.rejects_per_day, clock)
        self.tracer = trace.get_tracer(__name__)

    async def write(self, lease: Lease, before: Checkpoint, batch: Batch, after: Checkpoint) -> None:
        """Write `batch` and move the checkpoint from `before` to `after`.

        Raises FencedError when the lease is no longer the one that the batch was read under, and whatever the
        connection raises; then the outcome may be unknown, and is found in the table.
        """
        async with self.semaphore:
            uploads = _upload_spans(batch.traceparents)
            links = [trace.Link(upload) for upload in uploads[:MAX_SPAN_LINKS]]
            with self.tracer.start_as_current_span("store batch", links=links) as span:
                span.set_attributes({"shard_id": lease.shard_id, "readings": len(batch.readings)})
                started, started_at = self.clock.monotonic(), self.clock.now()
                outcome = await with_partitions(
                    lambda: self.pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS),
                    _stored_readings(batch.readings),
                    lambda: self._commit(lease, before, batch, after),
                )
                self._emit_upload_spans(uploads, span, started_at)
        self.reject_quota.confirm(outcome.retained)
        _count(batch, outcome, self.clock.monotonic() - started, self.clock.now())

    def _emit_upload_spans(self, uploads: Sequence[trace.SpanContext], batch: trace.Span, started_at: datetime) -> None:
        """End the trace of each upload with a span of its own, linked to the batch that it was stored in."""
        started_ns = int(started_at.timestamp() * 1e9)
        for upload in uploads:
            context = trace.set_span_in_context(trace.NonRecordingSpan(upload))
            links = [trace.Link(batch.get_span_context())]
            kind = trace.SpanKind.CONSUMER
            self.tracer.start_span("store readings", context, kind, links=links, start_time=started_ns).end()

    async def _commit(self, lease: Lease, before: Checkpoint, batch: Batch, after: Checkpoint) -> "_Written":
        async with self.pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection, connection.transaction():
            admitted, over_limit = await self._admit(connection, batch)
            stored, not_stored = await _store(connection, admitted)
            rejected = batch.rejected + over_limit + not_stored
            retained = await self.reject_quota.select(connection, rejected) if rejected else []
            if retained:
                await self._insert_rejected(connection, lease, retained)
            # Last, so that renewing the lease never waits for slow rows.
            if not await connection.fetchval(
                _ADVANCE_CHECKPOINT,
                lease.stream,
                lease.shard_id,
                lease.epoch,
                before.sequence_number,
                after.sequence_number,
                after.stored_through,
                after.is_shard_end,
            ):
                FENCED_WRITES.inc()
                raise FencedError(f"the lease of {lease.shard_id} has moved on from epoch {lease.epoch}")
            if stored:
                await notify(connection, Channel.READINGS)
        return _Written(stored, rejected, retained)

    async def _admit(self, connection: Connection, batch: Batch) -> tuple[list[LocatedReading], list[RejectedItem]]:
        """Part readings into those that may be stored and those of one metric, or one device, too many."""
        over = await self.series_limit.over_limit(connection, _stored_readings(batch.readings), batch.vouched)
        if not over:
            return batch.readings, []
        admitted, rejected = [], []
        for located in batch.readings:
            reason = over.get((located.reading.device_id, located.reading.metric))
            if reason is None:
                admitted.append(located)
            else:
                rejected.append(reject(located, RejectCause.LIMIT, reason))
        return admitted, rejected

    async def _insert_rejected(self, connection: Connection, lease: Lease, rejected: Sequence[RejectedItem]) -> None:
        columns = zip(
            *(
                (item.sequence_number, item.position, item.device_id, item.received_at, item.reason, item.payload)
                for item in rejected
            ),
            strict=True,
        )
        await connection.execute(_INSERT_REJECTED, self.stream_name, lease.shard_id, *map(list, columns))


class _Written(NamedTuple):
    """How many readings of a batch were stored, what was rejected, and what of that is kept."""

    stored: int
    rejected: Sequence[RejectedItem]
    retained: Sequence[RejectedItem]


async def _store(connection: Connection, readings: Sequence[LocatedReading]) -> tuple[int, list[RejectedItem]]:
    """Store readings; where the database does not take one, halve until it is alone and reject only that one."""
    if not readings:
        return 0, []
    try:
        async with connection.transaction():
            stored, conflicts = await store(connection, _stored_readings(readings))
            await register_unknown(connection, stored)
            return len(stored), _rejected_for_conflict(readings, conflicts)
    except DATA_ERRORS as error:
        if is_missing_partition(error):
            raise
        if len(readings) == 1:
            return 0, [reject(readings[0], RejectCause.DATABASE, f"the database refused it: {error}")]
    middle = len(readings) // 2
    first_stored, first_rejected = await _store(connection, readings[:middle])
    second_stored, second_rejected = await _store(connection, readings[middle:])
    return first_stored + second_stored, first_rejected + second_rejected


def _rejected_for_conflict(readings: Iterable[LocatedReading], conflicts: Sequence[Conflict]) -> list[RejectedItem]:
    if not conflicts:
        return []
    located = {id(item.reading): item for item in readings}
    return [
        reject(
            located[id(reading)],
            RejectCause.CONFLICT,
            f"conflicting value: {existing!r} is kept for this device, metric and time, as it came first",
        )
        for reading, existing in conflicts
    ]


def _stored_readings(readings: Iterable[LocatedReading]) -> list[StoredReading]:
    return [located.reading for located in readings]


def _upload_spans(traceparents: Iterable[str]) -> list[trace.SpanContext]:
    spans = (
        trace.get_current_span(propagate.extract({"traceparent": traceparent})).get_span_context()
        for traceparent in dict.fromkeys(traceparents)
    )
    return [span for span in spans if span.is_valid]


def _count(batch: Batch, written: _Written, seconds: float, committed_at: datetime) -> None:
    stored, rejected, retained = written
    by_cause = Counter(item.cause for item in rejected) + batch.further_rejected
    RECORDS.labels(Outcome.STORED).inc(stored)
    RECORDS.labels(Outcome.DUPLICATE).inc(len(batch.readings) - (len(rejected) - len(batch.rejected)) - stored)
    declined = by_cause[RejectCause.CONFLICT] + by_cause[RejectCause.LIMIT]
    RECORDS.labels(Outcome.DECLINED).inc(declined)
    RECORDS.labels(Outcome.REJECTED).inc(by_cause.total() - declined)
    for cause, count in by_cause.items():
        REJECTS.labels(cause).inc(count)
    REJECTS_NOT_KEPT.inc(by_cause.total() - len(retained))
    COMMIT_SECONDS.observe(seconds)
    COMMIT_ROWS.observe(len(batch.readings))
    for received_at in batch.received_at:
        DELIVERY_SECONDS.observe(max(0.0, (committed_at - received_at).total_seconds()))


_INSERT_REJECTED = """
INSERT INTO rejected_records
    (stream, shard_id, sequence_number, position, device_id, received_at, reason, payload)
SELECT $1, $2, * FROM unnest($3::text[], $4::int[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
ON CONFLICT DO NOTHING
"""

# Also compares the checkpoint: a commit whose outcome was unknown may have been applied meanwhile.
_ADVANCE_CHECKPOINT = """
UPDATE shard_leases SET checkpoint = $5, read_until = $6, finished = $7
WHERE stream = $1 AND shard_id = $2 AND epoch = $3 AND checkpoint IS NOT DISTINCT FROM $4 AND NOT finished
RETURNING true
"""
