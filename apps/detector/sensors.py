"""Watches the sensors: what each device's metrics measured since the last run."""

import asyncpg

from apps.detector import alerts, memory, rare
from apps.detector.models import Point
from apps.detector.rarity import Rarity

LOOK_BACK_SECONDS = 7 * 86_400
"""How much history teaches a model that remembers nothing."""

SETTLE_SECONDS = 60
"""A point is closed so long after its end: late readings of it have come in."""

PAGE = 200
"""Sensors of one transaction."""


async def watch_sensors(connection: asyncpg.Connection, point_seconds: int) -> int:
    """Judge every sensor's new points. Return how many sensors had some.

    What a model learnt and the alerts that follow from it are committed together, so a point is judged exactly once.
    """
    now = float(await connection.fetchval("SELECT extract(epoch FROM now())"))
    end = (now - SETTLE_SECONDS) // point_seconds * point_seconds
    is_open = await alerts.unresolved(connection, rare.RULE)
    watched = 0
    after = ("", "")
    while True:
        async with connection.transaction():
            page = await connection.fetch(_SENSORS, *after, PAGE)
            if not page:
                return watched
            after = (page[-1]["device_id"], page[-1]["metric"])
            sources = {(row["device_id"], row["metric"]): f"{row['device_id']}/{row['metric']}" for row in page}
            remembered = await memory.load(connection, Rarity, [_signal(source) for source in sources.values()])
            starts = [
                end - LOOK_BACK_SECONDS if (last := remembered[_signal(source)].last) is None else last
                for source in sources.values()
            ]
            points = await _read(connection, page, starts, end, point_seconds)
            for sensor, new in points.items():
                source = sources[sensor]
                await rare.watch(
                    connection,
                    source,
                    remembered[_signal(source)],
                    new,
                    now=now,
                    seconds=point_seconds,
                    is_open=source in is_open,
                )
            changed = {_signal(sources[sensor]) for sensor in points}
            await memory.save(connection, {signal: remembered[signal] for signal in changed})
            watched += len(points)


def _signal(source: str) -> str:
    return f"sensor:{source}"


async def _read(
    connection: asyncpg.Connection, page: list[asyncpg.Record], starts: list[float], end: float, point_seconds: int
) -> dict[tuple[str, str], list[Point]]:
    rows = await connection.fetch(
        _POINTS,
        [row["device_id"] for row in page],
        [row["metric"] for row in page],
        starts,
        end,
        point_seconds,
    )
    points: dict[tuple[str, str], list[Point]] = {}
    for row in rows:
        point = Point(row["time"], row["value"], row["low"], row["high"])
        points.setdefault((row["device_id"], row["metric"]), []).append(point)
    return points


_SENSORS = """
SELECT device_id, metric FROM latest_readings WHERE (device_id, metric) > ($1, $2) ORDER BY device_id, metric LIMIT $3
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
