"""Averages, lowest and highest values of one series in buckets of equal length."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from apps.api.repository.database import Repository


class TrendPoint(msgspec.Struct, frozen=True):
    """The readings of one bucket, which starts at `ts`. A bucket without readings has no point."""

    ts: datetime
    avg: float
    min: float
    max: float
    count: int


class Buckets(NamedTuple):
    """Buckets of the length `step` from `since` to `until`; both are where a bucket starts."""

    since: datetime
    until: datetime
    step: timedelta


async def points(repository: Repository, device_id: str, metric: str, buckets: Buckets) -> list[TrendPoint]:
    """Return a point for each bucket that holds readings."""
    query = FROM_MINUTES if buckets.step >= timedelta(minutes=1) else FROM_READINGS
    async with repository.raw() as connection:
        return [TrendPoint(*row) for row in await connection.fetch(query, device_id, metric, *buckets)]


# Averages come from sums: a bucket weighs each reading alike, however they are spread over its minutes.
FROM_MINUTES = """
    SELECT date_bin($5, minute, $3), sum(sum) / sum(count), min(min), max(max), sum(count)::bigint
    FROM readings_minute
    WHERE device_id = $1 AND metric = $2 AND minute >= $3 AND minute < $4
    GROUP BY 1 ORDER BY 1
"""

FROM_READINGS = """
    SELECT date_bin($5, ts, $3), avg(value), min(value), max(value), count(*)
    FROM sensor_readings
    WHERE device_id = $1 AND metric = $2 AND ts >= $3 AND ts < $4
    GROUP BY 1 ORDER BY 1
"""
