"""Averages, lowest and highest values of one series in buckets of equal length."""

from datetime import datetime, timedelta

import msgspec

from apps.api.database import Database
from apps.domain.windows import Buckets


class TrendPoint(msgspec.Struct, frozen=True):
    """The readings of one bucket, which starts at `ts`. A bucket without readings has no point."""

    ts: datetime
    avg: float
    min: float
    max: float
    count: int


async def points(database: Database, device_id: str, metric: str, buckets: Buckets) -> list[TrendPoint]:
    """Return a point for each bucket that holds readings, from the coarsest rollups that add up to buckets."""
    level = next((level for level, length in _LEVELS.items() if buckets.step % length == timedelta()), None)
    query = _FROM_ROLLUPS.format(level=level) if level else _FROM_READINGS
    async with database.connection() as connection:
        return [TrendPoint(*row) for row in await connection.fetch(query, device_id, metric, *buckets)]


async def least_step(database: Database, since: datetime, now: datetime) -> timedelta:
    """Return the length of the shortest buckets of which there is something since a time.

    Readings are kept for months, minutes for longer, hours for years: of a time whose readings are gone the minutes
    tell, then the hours, then the days.
    """
    if now - since < _ALWAYS_KEPT:
        return timedelta(seconds=1)
    async with database.connection() as connection:
        rows = await connection.fetch(_KEPT, since)
    lengths = (timedelta(seconds=1), *reversed(_LEVELS.values()))
    return next((length for length, (is_there,) in zip(lengths, rows, strict=True) if is_there), lengths[0])


_ALWAYS_KEPT = timedelta(days=27)
"""The month before this one is kept of everything."""

_KEPT = """
    SELECT to_regclass(name || to_char($1::timestamptz AT TIME ZONE 'UTC', '"_y"YYYY"m"MM')) IS NOT NULL
    FROM unnest(ARRAY['sensor_readings', 'readings_minute', 'readings_hour', 'readings_day'])
        WITH ORDINALITY AS level (name, number)
    ORDER BY number
"""

_LEVELS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}

# Averages come from sums: a bucket weighs each reading alike, however they are spread over its minutes.
_FROM_ROLLUPS = """
    SELECT date_bin($5, {level}, $3), sum(sum) / sum(count), min(min), max(max), sum(count)::bigint
    FROM readings_{level}
    WHERE device_id = $1 AND metric = $2 AND {level} >= $3 AND {level} < $4
    GROUP BY 1 ORDER BY 1
"""

_FROM_READINGS = """
    SELECT date_bin($5, ts, $3), sum(value) / count(*), min(value), max(value), count(*)
    FROM sensor_readings
    WHERE device_id = $1 AND metric = $2 AND ts >= $3 AND ts < $4
    GROUP BY 1 ORDER BY 1
"""
