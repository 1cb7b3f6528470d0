"""Scans the sensors: what each device's metrics measured since the last run."""

from collections.abc import Callable, Container, Mapping
from typing import NamedTuple

import asyncpg

from apps.detector import alerts, rarity_rule, state
from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.rarity_rule import Sensor

LOOKBACK_SECONDS = 3 * 86_400
"""How much history a fresh model first learns from."""

ALLOWED_LATENESS_SECONDS = 60
"""A point is closed so long after its end, so that late readings are in it."""

BATCH_SIZE = 200
"""Sensors of one transaction."""


class SensorScan(NamedTuple):
    """How many sensors had new points, and how many of them there was no time for."""

    judged: int
    deferred: int


async def scan_sensors(
    connection: asyncpg.Connection, point_seconds: int, should_continue: Callable[[], bool]
) -> SensorScan:
    """Score every sensor's new points while `should_continue` says so, those first that waited longest.

    What a model learnt and the alerts that follow from it are committed together, so a point is scored exactly once.
    """
    now = float(await connection.fetchval("SELECT extract(epoch FROM now())"))
    end = (now - ALLOWED_LATENESS_SECONDS) // point_seconds * point_seconds
    sensors = await connection.fetch(_SENSORS, Rarity.name, Rarity.version, end)
    open_alerts = await alerts.unresolved(connection, rarity_rule.RULE)
    judged = 0
    for start in range(0, len(sensors), BATCH_SIZE):
        if not should_continue():
            return SensorScan(judged, len(sensors) - start)
        batch = {(row["device_id"], row["metric"]): row["signal"] for row in sensors[start : start + BATCH_SIZE]}
        async with connection.transaction():
            judged += await _scan_batch(connection, batch, end, point_seconds, now, open_alerts)
    return SensorScan(judged, 0)


async def _scan_batch(
    connection: asyncpg.Connection,
    batch: Mapping[Sensor, str],
    end: float,
    point_seconds: int,
    now: float,
    open_alerts: Container[str],
) -> int:
    states = await state.load(connection, Rarity, list(batch.values()))
    last_times = [states[signal].last_time for signal in batch.values()]
    starts = [end - LOOKBACK_SECONDS if last is None else last for last in last_times]
    points = await _read_points(connection, list(batch), starts, end, point_seconds)
    for sensor, new in points.items():
        source = "/".join(sensor)
        await rarity_rule.process(
            connection,
            source,
            states[batch[sensor]],
            new,
            now=now,
            point_seconds=point_seconds,
            is_open=source in open_alerts,
            sensor=sensor,
        )
    await state.save(connection, {batch[sensor]: states[batch[sensor]] for sensor in points})
    return len(points)


async def _read_points(
    connection: asyncpg.Connection, batch: list[Sensor], starts: list[float], end: float, point_seconds: int
) -> dict[Sensor, list[Point]]:
    devices, metrics = zip(*batch, strict=True)
    points: dict[Sensor, list[Point]] = {}
    for row in await connection.fetch(_POINTS, devices, metrics, starts, end, point_seconds):
        point = Point(row["time"], row["value"], row["low"], row["high"])
        points.setdefault((row["device_id"], row["metric"]), []).append(point)
    return points


# Sensors with something newer than what their model knows.
_SENSORS = """
SELECT device_id, metric, signal
FROM (SELECT device_id, metric, ts, 'sensor:' || device_id || '/' || metric AS signal FROM latest_readings) AS latest
LEFT JOIN detector_memory USING (signal)
WHERE model IS NULL
OR (model = $1 AND (model_version <> $2
    OR ((memory->>'last')::float8 < $3::float8 AND ts >= to_timestamp((memory->>'last')::float8))))
ORDER BY detector_memory.updated_at NULLS FIRST, signal
"""

# A range of the primary key for each sensor: minutes that are long known are not read again.
_POINTS = """
SELECT device_id, metric, time, sum(sum) / sum(count) AS value, min(min) AS low, max(max) AS high
FROM unnest($1::text[], $2::text[], $3::float8[]) AS due (device_id, metric, start)
CROSS JOIN LATERAL (
    SELECT sum, count, min, max, (floor(extract(epoch FROM minute) / $5::int) + 1)::float8 * $5::int AS time
    FROM readings_minute
    WHERE readings_minute.device_id = due.device_id AND readings_minute.metric = due.metric
    AND minute >= to_timestamp(due.start) AND minute < to_timestamp($4::float8)
) AS minutes
GROUP BY device_id, metric, time
ORDER BY device_id, metric, time
"""
