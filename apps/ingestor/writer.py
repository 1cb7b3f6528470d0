"""Writing a batch: readings, rejects and the shard's new checkpoint in one transaction, or nothing at all."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from opentelemetry import propagate, trace

from apps.domain.readings import StoredReading
from apps.ingestor.batch import Batch
from apps.ingestor.leases import Lease
from apps.ingestor.metrics import (
    COMMIT_ROWS,
    COMMIT_SECONDS,
    DELIVERY_SECONDS,
    FENCED_WRITES,
    RECORDS,
    REJECTS,
    Outcome,
)
from apps.ingestor.records import Placed, Reject, reject_reading
from apps.storage.channels import Channel, notify
from apps.storage.connection import Connection
from apps.storage.readings import (
    is_missing_partition,
    register_unknown,
    store,
    with_partitions,
)

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.RaiseError)
"""What the database says when a row itself is at fault, and not the connection or the moment."""

CONNECT_SECONDS = 10
"""Time to get a connection, and to give back one that was interrupted."""

MAX_SPAN_LINKS = 128
"""Links of one span; OpenTelemetry keeps no more by default."""


class FencedError(Exception):
    """The lease or its checkpoint moved on: nothing was written. Whoever holds the lease begins at its checkpoint."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a shard is read. `read_until`: everything that arrived before is written or in the batch."""

    checkpoint: str | None
    read_until: datetime
    finished: bool = False


class Writer:
    """Writes batches through `pool`, `limit` at a time at most, so that leases always find a connection."""

    def __init__(self, pool: asyncpg.Pool, stream_name: str, limit: int) -> None:
        self.pool = pool
        self.stream_name = stream_name
        self.free = asyncio.Semaphore(limit)
        self.tracer = trace.get_tracer(__name__)

    async def write(self, lease: Lease, before: Position, batch: Batch, after: Position) -> None:
        """Write `batch` and move the checkpoint from `before` to `after`.

        Raises FencedError when the lease is no longer the one that the batch was read under, and whatever the
        connection raises; then the outcome may be unknown, and is found in the table.
        """
        async with self.free:
            uploads = _uploads(batch.traceparents)
            links = [trace.Link(upload) for upload in uploads[:MAX_SPAN_LINKS]]
            with self.tracer.start_as_current_span("store batch", links=links) as span:
                span.set_attributes({"shard_id": lease.shard_id, "readings": len(batch.readings)})
                started, started_ns = time.perf_counter(), time.time_ns()
                stored, rejects = await with_partitions(
                    lambda: self.pool.acquire(timeout=CONNECT_SECONDS),
                    _rows(batch.readings),
                    lambda: self._commit(lease, before, batch, after),
                )
                self._tell_uploads(uploads, span, started_ns)
        _count(batch, stored, rejects, time.perf_counter() - started)

    def _tell_uploads(self, uploads: Sequence[trace.SpanContext], batch: trace.Span, started_ns: int) -> None:
        """End the trace of each upload with a span of its own, linked to the batch that it was stored in."""
        for upload in uploads:
            context = trace.set_span_in_context(trace.NonRecordingSpan(upload))
            links = [trace.Link(batch.get_span_context())]
            kind = trace.SpanKind.CONSUMER
            self.tracer.start_span("store readings", context, kind, links=links, start_time=started_ns).end()

    async def _commit(self, lease: Lease, before: Position, batch: Batch, after: Position) -> tuple[int, list[Reject]]:
        async with self.pool.acquire(timeout=CONNECT_SECONDS) as connection, connection.transaction():
            stored, refused = await _store(connection, batch.readings)
            rejects = batch.rejects + refused
            if rejects:
                await self._keep(connection, lease, rejects)
            # Last, so that renewing the lease never waits for slow rows.
            if not await connection.fetchval(
                _MOVE,
                lease.stream,
                lease.shard_id,
                lease.epoch,
                before.checkpoint,
                after.checkpoint,
                after.read_until,
                after.finished,
            ):
                FENCED_WRITES.inc()
                raise FencedError(f"the lease of {lease.shard_id} has moved on from epoch {lease.epoch}")
            if stored:
                await notify(connection, Channel.READINGS)
        return stored, rejects

    async def _keep(self, connection: Connection, lease: Lease, rejects: Sequence[Reject]) -> None:
        columns = zip(
            *((r.sequence_number, r.position, r.device_id, r.received_at, r.reason, r.payload) for r in rejects),
            strict=True,
        )
        await connection.execute(_KEEP, self.stream_name, lease.shard_id, *map(list, columns))


async def _store(connection: Connection, readings: Sequence[Placed]) -> tuple[int, list[Reject]]:
    """Store readings; where the database refuses one, halve until it is alone and reject only that one."""
    if not readings:
        return 0, []
    try:
        async with connection.transaction():
            rows = await store(connection, _rows(readings))
            await register_unknown(connection, rows)
            return len(rows), []
    except REFUSED as error:
        if is_missing_partition(error):
            raise
        if len(readings) == 1:
            return 0, [reject_reading(readings[0], f"the database refused it: {error}")]
    middle = len(readings) // 2
    stored, rejects = await _store(connection, readings[:middle])
    more, others = await _store(connection, readings[middle:])
    return stored + more, rejects + others


def _rows(readings: Iterable[Placed]) -> list[StoredReading]:
    return [placed.reading for placed in readings]


def _uploads(traceparents: Iterable[str]) -> list[trace.SpanContext]:
    spans = (
        trace.get_current_span(propagate.extract({"traceparent": one})).get_span_context()
        for one in dict.fromkeys(traceparents)
    )
    return [span for span in spans if span.is_valid]


def _count(batch: Batch, stored: int, rejects: Sequence[Reject], seconds: float) -> None:
    refused = len(rejects) - len(batch.rejects)
    RECORDS.labels(Outcome.STORED).inc(stored)
    RECORDS.labels(Outcome.DUPLICATE).inc(len(batch.readings) - refused - stored)
    RECORDS.labels(Outcome.REJECTED).inc(len(rejects))
    for cause, count in Counter(reject.cause for reject in rejects).items():
        REJECTS.labels(cause).inc(count)
    COMMIT_SECONDS.observe(seconds)
    COMMIT_ROWS.observe(len(batch.readings))
    now = datetime.now(UTC)
    for received_at in batch.received_at:
        DELIVERY_SECONDS.observe(max(0.0, (now - received_at).total_seconds()))


_KEEP = """
INSERT INTO rejected_records
    (stream, shard_id, sequence_number, position, device_id, received_at, reason, payload)
SELECT $1, $2, * FROM unnest($3::text[], $4::int[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
ON CONFLICT DO NOTHING
"""

# Also compares the checkpoint: a commit whose outcome was unknown may have been applied meanwhile.
_MOVE = """
UPDATE shard_leases SET checkpoint = $5, read_until = $6, finished = $7
WHERE stream = $1 AND shard_id = $2 AND epoch = $3 AND checkpoint IS NOT DISTINCT FROM $4 AND NOT finished
RETURNING true
"""
