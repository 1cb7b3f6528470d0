"""Forecasts in the database: which are due, what they learn from, where they go."""

from datetime import datetime, timedelta
from typing import NamedTuple

from apps.forecast.backtest import HORIZON
from apps.forecast.choice import Chosen, Forecast
from apps.forecast.history import HOUR, History, history
from apps.forecast.share import ALL, Share
from apps.storage.connection import Connection

SILENT = timedelta(hours=6)
"""Nobody can say what comes next of a series that has been silent for so long."""


class Due(NamedTuple):
    """A series whose forecast is due; `chosen`: its model, where one was chosen lately."""

    device_id: str
    metric: str
    chosen: Chosen | None


class Progress(NamedTuple):
    """How far the forecasts are: series that the last runs left, and since when each share had all of its own."""

    left: int
    complete_at: datetime


async def due(connection: Connection, now: datetime, choice: timedelta, share: Share = ALL) -> list[Due]:
    """Return the series of a share without a forecast from this hour on: those without any, then the oldest first.

    A model stays chosen for as long as `choice`.
    """
    rows = await connection.fetch(_DUE, now - SILENT, start_of_hour(now))
    return [
        Due(device_id, metric, chosen if chosen.model and chosen.tested_at > now - choice else None)
        for device_id, metric, chosen in ((row[0], row[1], Chosen(*tuple(row)[2:])) for row in rows)
        if share.holds(device_id, metric)
    ]


async def read(connection: Connection, series: Due, now: datetime, days: int) -> History:
    """Return the hourly means of the last days."""
    end = start_of_hour(now)
    rows = await connection.fetch(_HOURS, series.device_id, series.metric, end - timedelta(days=days), end)
    return history(dict(map(tuple, rows)), end)


async def write(connection: Connection, series: Due, forecast: Forecast, now: datetime) -> None:
    """Put a forecast in the place of the one before."""
    await connection.execute(
        _WRITE, series.device_id, series.metric, now, forecast.first_hour, forecast.expected, *forecast.chosen
    )


async def drop_over(connection: Connection, now: datetime) -> None:
    """Delete forecasts whose hours are all over: of series that went silent."""
    await connection.execute("DELETE FROM series_forecasts WHERE first_hour <= $1", now - HORIZON * HOUR)


async def record(connection: Connection, share: Share, now: datetime, left: int) -> None:
    """Keep how a run of a share ended. The other shares are waited for from now on, if they have never ended one."""
    async with connection.transaction():
        await connection.execute(_AWAIT, share.of, now)
        await connection.execute(_RECORD, share.number, now, left)
        await connection.execute("DELETE FROM forecast_runs WHERE share >= $1", share.of)


async def progress(connection: Connection, now: datetime) -> Progress:
    """Return how far the forecasts are. Before the first run they are waited for from now on."""
    await connection.execute(_AWAIT, 1, now)
    (found,) = await connection.fetch("SELECT sum(left_series), min(complete_at) FROM forecast_runs")
    return Progress(*found)


async def count(connection: Connection) -> dict[str, int]:
    """Return how many series each model forecasts."""
    rows = await connection.fetch("SELECT model, count(*) FROM series_forecasts GROUP BY model")
    return dict(map(tuple, rows))


def start_of_hour(now: datetime) -> datetime:
    """Return when the hour began that is not over yet."""
    return now.replace(minute=0, second=0, microsecond=0)


_DUE = """
SELECT device_id, metric, model, model_version, tested_at, margin, coverage, mase, baseline_mase
FROM latest_readings LEFT JOIN series_forecasts USING (device_id, metric)
WHERE latest_readings.ts >= $1 AND (first_hour IS NULL OR first_hour < $2)
ORDER BY made_at NULLS FIRST, device_id, metric
"""

_AWAIT = """
INSERT INTO forecast_runs (share, ended_at, left_series, complete_at)
SELECT share, $2, 0, $2 FROM generate_series(0, $1::int - 1) AS share
ON CONFLICT (share) DO NOTHING
"""

_RECORD = """
UPDATE forecast_runs SET
    ended_at = $2, left_series = $3, complete_at = CASE WHEN $3 = 0 THEN $2 ELSE complete_at END
WHERE share = $1
"""

_HOURS = """
SELECT hour, sum / count FROM readings_hour
WHERE device_id = $1 AND metric = $2 AND hour >= $3 AND hour < $4
"""

_WRITE = """
INSERT INTO series_forecasts (
    device_id, metric, made_at, first_hour, expected,
    model, model_version, tested_at, margin, coverage, mase, baseline_mase
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (device_id, metric) DO UPDATE SET
    made_at = EXCLUDED.made_at, first_hour = EXCLUDED.first_hour, expected = EXCLUDED.expected,
    model = EXCLUDED.model, model_version = EXCLUDED.model_version, tested_at = EXCLUDED.tested_at,
    margin = EXCLUDED.margin, coverage = EXCLUDED.coverage, mase = EXCLUDED.mase,
    baseline_mase = EXCLUDED.baseline_mase
"""
