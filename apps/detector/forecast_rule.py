"""The forecast rule: an alert about a sensor that was far from its forecast for some hours.

It sees what is not rare at all: the value that is usual at 3 p.m., at 3 a.m. Each reading of `HOURS` full hours has to
lie beyond the expected mean of its hour by `MARGINS` margins: a margin is how far the forecast's band reaches
(docs/forecasts.md). Forecasts err, by spikes for an hour, by a holiday for longer: both constants were chosen on
labelled series (docs/adr/0041-a-slow-level-and-a-third-rule.md).
"""

import logging
from datetime import UTC, datetime, timedelta

import asyncpg

from apps.detector import alerts
from apps.detector.alerts import ACTOR
from apps.detector.histogram import MIN_BANDWIDTH, MIN_SPAN
from apps.domain.alerts import FORECAST_RULE, Anomaly, Severity
from apps.storage.alerts import clear_alert, raise_alert
from apps.storage.tables import IS_UNRESOLVED

log = logging.getLogger(__name__)

HOURS = 3
"""In a row."""

MARGINS = 4.0
"""What lies farther off is told. The band is made to hold four fifths: one or two margins are everyday."""

NORMAL_MARGINS = 2.0
"""An hour that lies no farther off is as forecast again."""

HOUR = timedelta(hours=1)


async def scan_forecasts(connection: asyncpg.Connection, lateness: timedelta) -> int:
    """Judge each forecast sensor's last hours that ended `lateness` ago or earlier, and return how many there were.

    An hour that was told is not told again, whatever people did with the alert since. A silent sensor says nothing.
    Where there is no forecast any more, the alert is over.
    """
    rows = await connection.fetch(_HOURS, lateness, FORECAST_RULE, HOURS)
    judged = [row for row in rows if row["newest"] == row["hour"]]
    for row in judged:
        off = [
            distance(*hour, row["margin"]) for hour in zip(row["least"], row["greatest"], row["expected"], strict=True)
        ]
        if len(off) == HOURS and min(off) > MARGINS and not row["is_told"]:
            anomaly = _anomaly(row, off[0])
            if await raise_alert(connection, anomaly, ACTOR):
                log.warning("alert: %s", anomaly.message)
        elif off[0] <= NORMAL_MARGINS and row["is_open"]:
            await clear_alert(connection, row["source"], FORECAST_RULE, ACTOR, f"{row['source']} is as forecast again")
    forecast = {row["source"] for row in rows}
    for source in await alerts.unresolved(connection, FORECAST_RULE):
        if source not in forecast:
            await clear_alert(connection, source, FORECAST_RULE, ACTOR, f"there is no forecast of {source} any more")
    return len(judged)


def distance(least: float, greatest: float, expected: float, margin: float) -> float:
    """Return by how many margins everything between two values is off, 0 where what was expected is among them.

    Where nothing ever moved, a margin is the least change that counts.
    """
    off = max(least - expected, expected - greatest, 0.0)
    return off / max(margin, MIN_BANDWIDTH * abs(expected), MIN_SPAN)


def _anomaly(row: asyncpg.Record, off: float) -> Anomaly:
    end: datetime = row["hour"].astimezone(UTC) + HOUR
    begin = end - HOURS * HOUR
    mean, expected = row["means"][0], row["expected"][0]
    return Anomaly(
        source=row["source"],
        rule=FORECAST_RULE,
        severity=Severity.WARNING,
        message=(
            f"{row['source']} was {mean:.4g} from {end - HOUR:%H:%M} to {end:%H:%M} UTC, forecast was {expected:.4g}, "
            f"give or take {row['margin']:.2g}: far from its forecast for {HOURS} hours"
        ),
        device_id=row["device_id"],
        metric=row["metric"],
        since=begin,
        score=off,
        window_start=begin,
        window_end=end,
        expected=expected,
        observed=mean,
        model=row["model"],
        model_version=row["model_version"],
    )


# Of each hour, the newest first. An array counts from 1.
_HOURS = f"""
WITH last AS (SELECT date_trunc('hour', now() - $1::interval) - interval '1 hour' AS hour),
told AS (
    SELECT source, max(window_end) AS until, bool_or({IS_UNRESOLVED}) AS is_open
    FROM alerts WHERE rule = $2 GROUP BY source
)
SELECT device_id, metric, device_id || '/' || metric AS source, last.hour, model, model_version, margin, hours.*,
       coalesce(told.until > last.hour, false) AS is_told, coalesce(told.is_open, false) AS is_open
FROM series_forecasts AS forecast CROSS JOIN last
CROSS JOIN LATERAL (
    SELECT max(measured.hour) AS newest, array_agg(min ORDER BY measured.hour DESC) AS least,
           array_agg(max ORDER BY measured.hour DESC) AS greatest,
           array_agg(sum / count ORDER BY measured.hour DESC) AS means,
           array_agg(forecast.expected[1 + (extract(epoch FROM measured.hour - forecast.first_hour) / 3600)::int]
                     ORDER BY measured.hour DESC) AS expected
    FROM readings_hour AS measured
    WHERE measured.device_id = forecast.device_id AND measured.metric = forecast.metric
    AND measured.hour > last.hour - $3 * interval '1 hour' AND measured.hour <= last.hour
    AND measured.hour >= forecast.first_hour
    AND measured.hour < forecast.first_hour + cardinality(forecast.expected) * interval '1 hour'
) AS hours
LEFT JOIN told ON told.source = device_id || '/' || metric
ORDER BY device_id, metric
"""  # noqa: S608
