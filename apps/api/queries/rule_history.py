"""What a rule would have judged: the series that it is about, and what each measured."""

from collections.abc import Collection
from typing import NamedTuple

from apps.api.database import Database
from apps.api.queries.sql import QueryParams, all_of
from apps.domain.rules import RuleSpec, Silence
from apps.domain.windows import Window


class Subject(NamedTuple):
    """What a rule judges by itself: a metric of a device, or a device with all of its metrics (no metric)."""

    device_id: str
    metric: str | None


async def subjects(database: Database, rule: RuleSpec, visible: Collection[str] | None, limit: int) -> list[Subject]:
    """Return at most `limit` subjects of a rule, by device and metric.

    `visible`: of devices with one of these labels alone; None: of all.
    """
    values, scope = QueryParams(), rule.scope
    conditions = []
    if scope.device_ids:
        conditions.append(f"device_id = ANY({values.bind(list(scope.device_ids))}::text[])")
    if scope.kinds:
        conditions.append(f"kind = ANY({values.bind(list(scope.kinds))}::text[])")
    if scope.labels:
        conditions.append(f"labels @> {values.bind(list(scope.labels))}::text[]")
    if scope.metrics:
        conditions.append(f"metric = ANY({values.bind(list(scope.metrics))}::text[])")
    if visible is not None:
        conditions.append(f"labels && {values.bind(sorted(visible))}::text[]")
    by_device = isinstance(rule.condition, Silence) and rule.condition.of == "device"
    query = f"""
        SELECT DISTINCT device_id, {"NULL" if by_device else "metric"} AS metric
        FROM devices JOIN latest_readings USING (device_id) WHERE {all_of(conditions)}
        ORDER BY 1, 2 LIMIT {values.bind(limit)}
    """  # noqa: S608
    async with database.connection() as connection:
        return [Subject(row["device_id"], row["metric"]) for row in await connection.fetch(query, *values)]


async def readings_of(database: Database, subject: Subject, window: Window, limit: int) -> list[tuple[int, float]]:
    """Return the oldest readings of a metric in a window, at most `limit`, as (microseconds since 1970, value)."""
    async with database.connection() as connection:
        rows = await connection.fetch(_READINGS, subject.device_id, subject.metric, *window, limit)
    return [(row["time"], row["value"]) for row in rows]


async def arrivals_of(database: Database, subject: Subject, window: Window, limit: int) -> list[int]:
    """Return when readings of a window arrived, each time once, as microseconds since 1970; at most `limit`."""
    async with database.connection() as connection:
        rows = await connection.fetch(_ARRIVALS, subject.device_id, subject.metric, *window, limit)
    return [row["time"] for row in rows]


_READINGS = """
SELECT (extract(epoch FROM ts) * 1000000)::bigint AS time, value FROM sensor_readings
WHERE device_id = $1 AND metric = $2 AND ts >= $3 AND ts < $4 ORDER BY ts LIMIT $5
"""

_ARRIVALS = """
SELECT DISTINCT (extract(epoch FROM received_at) * 1000000)::bigint AS time FROM sensor_readings
WHERE device_id = $1 AND metric = ANY(
    CASE WHEN $2::text IS NULL THEN ARRAY(SELECT metric FROM latest_readings WHERE device_id = $1) ELSE ARRAY[$2] END
) AND ts >= $3 AND ts < $4 ORDER BY 1 LIMIT $5
"""
