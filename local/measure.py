"""What the database says about a run: how many readings it holds, how many twice, and how late they came."""

from collections import deque
from datetime import datetime
from typing import NamedTuple

import asyncpg


class Lag(NamedTuple):
    """Seconds from the gateway's acceptance to the row, as percentiles. None where nothing was stored."""

    p50: float | None
    p95: float | None
    p99: float | None


class Stored(NamedTuple):
    """What a run left in the database."""

    stored: int
    duplicates: int
    """Readings that the rollups count more often than the table holds them; the table itself cannot."""
    lag: Lag


class PlatformStats(NamedTuple):
    """How the platform is doing right now."""

    fleet: dict[str, int]
    """Devices by kind."""
    written: int
    """Rows written since the server's statistics began."""
    lag: float | None
    """The largest lag among the newest readings of the last ten seconds, seconds."""
    silent: int
    """Devices that have sent before, and nothing for a quarter of an hour."""
    open_alerts: int


class Rate:
    """How fast a counter grows, over a window of seconds."""

    def __init__(self, window: float = 10) -> None:
        self.window = window
        self.seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, count: int) -> None:
        """Take in the counter as it is now."""
        self.seen.append((now, count))
        while len(self.seen) > 1 and now - self.seen[1][0] >= self.window:
            self.seen.popleft()

    @property
    def per_second(self) -> float | None:
        """Its growth a second; None before two looks at it."""
        if len(self.seen) < 2:
            return None
        (began, first), (ended, last) = self.seen[0], self.seen[-1]
        return max(0, last - first) / (ended - began)


async def stored(connection: asyncpg.Connection, since: datetime, label: str | None) -> Stored:
    """Count what was received since `since`, from devices with `label` if one is given."""
    (counted,) = await connection.fetch(
        """
        SELECT count(*) AS stored,
               percentile_cont(ARRAY[0.5, 0.95, 0.99])
                   WITHIN GROUP (ORDER BY extract(epoch FROM stored_at - received_at)) AS lag
        FROM sensor_readings
        WHERE received_at >= $1
          AND ($2::text IS NULL OR device_id IN (SELECT device_id FROM devices WHERE $2 = ANY (labels)))
        """,
        since,
        label,
    )
    duplicates = await connection.fetchval(
        """
        SELECT coalesce(sum(greatest(rollup.count - held.count, 0)), 0)::bigint
        FROM (
            SELECT DISTINCT device_id, metric, date_bin('1 minute', ts, '2000-01-01Z') AS minute
            FROM sensor_readings WHERE received_at >= $1
        ) AS touched
        JOIN readings_minute AS rollup USING (device_id, metric, minute)
        CROSS JOIN LATERAL (
            SELECT count(*) FROM sensor_readings AS reading
            WHERE reading.device_id = touched.device_id AND reading.metric = touched.metric
              AND reading.ts >= touched.minute AND reading.ts < touched.minute + interval '1 minute'
        ) AS held
        """,
        since,
    )
    return Stored(counted["stored"], duplicates, Lag(*(counted["lag"] or (None, None, None))))


async def stats(connection: asyncpg.Connection) -> PlatformStats:
    """Return how the platform is doing."""
    fleet = await connection.fetch("SELECT kind, count(*) FROM devices GROUP BY kind ORDER BY kind")
    written = await connection.fetchval(
        "SELECT coalesce(sum(n_tup_ins), 0)::bigint FROM pg_stat_user_tables WHERE relname LIKE 'sensor_readings%'"
    )
    lag = await connection.fetchval(
        """
        SELECT extract(epoch FROM max(stored_at - received_at))::float8
        FROM latest_readings WHERE stored_at > clock_timestamp() - interval '10 seconds'
        """
    )
    ((silent, open_alerts),) = await connection.fetch(
        """
        SELECT (SELECT count(*) FROM (
                    SELECT FROM latest_readings GROUP BY device_id
                    HAVING max(received_at) < clock_timestamp() - interval '15 minutes'
                ) AS gone),
               (SELECT count(*) FROM alerts WHERE state = 'open')
        """
    )
    return PlatformStats({row["kind"]: row["count"] for row in fleet}, written, lag, silent, open_alerts)


async def checkpoints(connection: asyncpg.Connection, stream: str) -> dict[str, str | None]:
    """Return how far each shard of the stream was written."""
    rows = await connection.fetch("SELECT shard_id, checkpoint FROM shard_leases WHERE stream = $1", stream)
    return {row["shard_id"]: row["checkpoint"] for row in rows}
