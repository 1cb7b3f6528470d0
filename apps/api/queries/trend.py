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
    """Return a point for each bucket that holds readings."""
    query = _FROM_MINUTES if buckets.step >= timedelta(minutes=1) else _FROM_READINGS
    async with database.connection() as connection:
        return [TrendPoint(*row) for row in await connection.fetch(query, device_id, metric, *buckets)]


# Averages come from sums: a bucket weighs each reading alike, however they are spread over its minutes.
_FROM_MINUTES = """
    SELECT date_bin($5, minute, $3), sum(sum) / sum(count), min(min), max(max), sum(count)::bigint
    FROM readings_minute
    WHERE device_id = $1 AND metric = $2 AND minute >= $3 AND minute < $4
    GROUP BY 1 ORDER BY 1
"""

_FROM_READINGS = """
    SELECT date_bin($5, ts, $3), sum(value) / count(*), min(value), max(value), count(*)
    FROM sensor_readings
    WHERE device_id = $1 AND metric = $2 AND ts >= $3 AND ts < $4
    GROUP BY 1 ORDER BY 1
"""
