"""Storing readings: each once, with its share in the rollups and in the newest values.

The one place that writes `sensor_readings`, `readings_minute` and `latest_readings`, so that they always agree.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg

from apps.domain.devices import UNKNOWN_KIND
from apps.domain.readings import StoredReading
from apps.storage.connection import Connection

T = TypeVar("T")


async def store(connection: Connection, readings: Iterable[StoredReading]) -> Sequence[StoredReading]:
    """Store what is not stored yet, inside the caller's transaction, and return exactly that.

    Copies first, as that is fast, and merges only when a reading turns out to be there already. Of several readings
    with one key the first is kept. Raises asyncpg.CheckViolationError (see `with_partitions`) and whatever else the
    database says of a reading; then nothing of `readings` is stored.
    """
    # In the order of the key: two that store the same readings wait for each other and never in a circle.
    rows = sorted(readings, key=_key)
    if not rows:
        return rows
    async with connection.transaction():
        try:
            async with connection.transaction():
                await connection.copy_records_to_table("sensor_readings", records=rows, columns=StoredReading._fields)
        except asyncpg.UniqueViolationError:
            rows = [StoredReading(*row) for row in await connection.fetch(_MERGE, *_columns(rows))]
        if rows:
            await connection.execute(_ROLL_UP, *_columns(_minutes(rows)))
            await connection.execute(_RENEW_LATEST, *_columns(_latest(rows)))
    return rows


async def register_unknown(connection: Connection, readings: Iterable[StoredReading]) -> None:
    """Register the devices of `readings` that nobody registered."""
    device_ids = sorted({reading.device_id for reading in readings})
    await connection.execute(_REGISTER, device_ids, UNKNOWN_KIND)


def is_missing_partition(error: asyncpg.PostgresError) -> bool:
    """Tell whether `store` failed because a month has no partition yet."""
    return isinstance(error, asyncpg.CheckViolationError) and error.constraint_name is None


async def with_partitions(
    connect: Callable[[], AbstractAsyncContextManager[Connection]],
    readings: Iterable[StoredReading],
    work: Callable[[], Awaitable[T]],
) -> T:
    """Do `work`, which stores `readings`. Where a month has no partition yet, make it and do the work again."""
    try:
        return await work()
    except asyncpg.CheckViolationError as error:
        if not is_missing_partition(error):
            raise
    async with connect() as connection:
        await ensure_partitions(connection, readings)
    return await work()


async def ensure_partitions(connection: Connection, readings: Iterable[StoredReading]) -> None:
    """Make the partitions that `readings` need. Outside of a transaction: it locks the tables for a moment."""
    months = {
        reading.ts.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0) for reading in readings
    }
    for month in sorted(months):
        await connection.execute("SELECT ensure_partition($1)", month)


def _key(reading: StoredReading) -> tuple[str, str, datetime]:
    return reading.device_id, reading.metric, reading.ts


def _columns(rows: Sequence[Sequence[object]]) -> Iterable[tuple[object, ...]]:
    return zip(*rows, strict=True)


def _minutes(rows: Iterable[StoredReading]) -> list[tuple[str, str, datetime, int, float, float, float]]:
    values: dict[tuple[str, str, datetime], list[float]] = {}
    for row in rows:
        minute = row.ts.replace(second=0, microsecond=0)
        values.setdefault((row.device_id, row.metric, minute), []).append(row.value)
    return sorted((*key, len(some), sum(some), min(some), max(some)) for key, some in values.items())


def _latest(rows: Iterable[StoredReading]) -> list[StoredReading]:
    latest: dict[tuple[str, str], StoredReading] = {}
    for row in rows:
        known = latest.get((row.device_id, row.metric))
        if known is None or row.ts > known.ts:
            latest[row.device_id, row.metric] = row
    return sorted(latest.values(), key=_key)


_MERGE = """
INSERT INTO sensor_readings (device_id, metric, ts, value, received_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::float8[], $5::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING device_id, metric, ts, value, received_at
"""

_REGISTER = """
INSERT INTO devices (device_id, kind) SELECT device_id, $2 FROM unnest($1::text[]) AS seen (device_id)
ON CONFLICT DO NOTHING
"""

_ROLL_UP = """
INSERT INTO readings_minute AS rollup (device_id, metric, minute, count, sum, min, max)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::float8[], $6::float8[], $7::float8[])
ON CONFLICT (device_id, metric, minute) DO UPDATE SET
    count = rollup.count + excluded.count,
    sum = rollup.sum + excluded.sum,
    min = least(rollup.min, excluded.min),
    max = greatest(rollup.max, excluded.max)
"""

_RENEW_LATEST = """
INSERT INTO latest_readings AS latest (device_id, metric, ts, value, received_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::float8[], $5::timestamptz[])
ON CONFLICT (device_id, metric) DO UPDATE SET
    ts = excluded.ts, value = excluded.value, received_at = excluded.received_at, stored_at = clock_timestamp()
WHERE excluded.ts > latest.ts
"""
