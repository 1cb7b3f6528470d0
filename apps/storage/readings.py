"""Storing readings: each once, with its share in the rollups and in the newest values.

The one place that writes `sensor_readings`, `readings_minute` and `latest_readings`, so that they always agree.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import asyncpg

from apps.domain.devices import UNKNOWN_KIND
from apps.domain.readings import StoredReading
from apps.storage import reading_log
from apps.storage.connection import Connection

T = TypeVar("T")

_Key = tuple[str, str, datetime]
"""Device, metric and time."""


class Conflict(NamedTuple):
    """A reading that is not stored, because another value is kept for its device, metric and time."""

    reading: StoredReading
    existing: float


class StoreResult(NamedTuple):
    """What became of readings: new and stored, or in conflict. All others were stored already."""

    stored: Sequence[StoredReading] = ()
    conflicts: Sequence[Conflict] = ()


async def store(connection: Connection, readings: Iterable[StoredReading], *, judged: bool = True) -> StoreResult:
    """Store what is not stored yet, inside the caller's transaction.

    `judged`: whether the rules shall judge it: what comes back from the archive happened long ago.

    Copies first, as that is fast, and looks what is there only when a reading turns out to be. Of several readings
    with one key the first is kept. Raises asyncpg.CheckViolationError (see `with_partitions`) and whatever else the
    database says of a reading; then nothing of `readings` is stored.
    """
    # In the order of the key: two that store the same readings wait for each other and never in a circle.
    rows: Sequence[StoredReading] = sorted(readings, key=_key)
    if not rows:
        return StoreResult()
    conflicts: Sequence[Conflict] = ()
    async with connection.transaction():
        try:
            async with connection.transaction():
                await connection.copy_records_to_table("sensor_readings", records=rows, columns=StoredReading._fields)
        except asyncpg.UniqueViolationError:
            rows, conflicts = await _merge(connection, rows)
        if rows:
            await connection.execute(_ROLL_UP, *_columns(_minutes(rows)))
            await connection.execute(_RENEW_LATEST, *_columns(_latest(rows)))
            if judged:
                await reading_log.append(connection, rows)
    return StoreResult(rows, conflicts)


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


async def _merge(connection: Connection, given: Sequence[StoredReading]) -> StoreResult:
    first: dict[_Key, StoredReading] = {}
    for reading in given:
        first.setdefault(_key(reading), reading)
    existing = await _values(connection, first)
    new = [reading for key, reading in first.items() if key not in existing]
    stored = [StoredReading(*row) for row in await connection.fetch(_INSERT, *_columns(new))] if new else []
    if len(stored) < len(new):  # another transaction was quicker
        existing |= await _values(connection, [_key(reading) for reading in new])
    existing |= {_key(reading): reading.value for reading in stored}
    conflicts = [
        Conflict(reading, existing[_key(reading)]) for reading in given if existing[_key(reading)] != reading.value
    ]
    return StoreResult(stored, conflicts)


async def _values(connection: Connection, keys: Collection[_Key]) -> dict[_Key, float]:
    """Return the values that are stored for keys."""
    ordered = list(keys)
    found = await connection.fetch(_VALUES, *_columns(ordered))
    return {ordered[number - 1]: value for number, value in found}


def _key(reading: StoredReading) -> _Key:
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


_INSERT = """
INSERT INTO sensor_readings (device_id, metric, ts, value, received_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::float8[], $5::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING device_id, metric, ts, value, received_at
"""

# LATERAL with a limit: each asks the index of its partition, however large the table is.
_VALUES = """
SELECT given.number, kept.value
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS given (device_id, metric, ts, number)
CROSS JOIN LATERAL (
    SELECT value FROM sensor_readings AS stored
    WHERE (stored.device_id, stored.metric, stored.ts) = (given.device_id, given.metric, given.ts) LIMIT 1
) AS kept
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
