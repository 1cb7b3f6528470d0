"""The life of an alert of the rarity model: opened by an alarm, over when the signal is ordinary again."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import asyncpg

from apps.detector.alerts import ACTOR
from apps.detector.memory import Alarm, Remembered
from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.signals import Direction
from apps.domain.alerts import Anomaly, Severity
from apps.storage.alerts import clear_alert, raise_alert

log = logging.getLogger(__name__)

RULE = Rarity.name

CALM_POINTS = 3
"""Ordinary points in a row after which an alert is over."""

HISTORY_SECONDS = 3600
"""An alarm about a point older than this is history: it teaches, but nobody is told."""


async def watch(
    connection: asyncpg.Connection,
    source: str,
    remembered: Remembered,
    points: Iterable[Point],
    *,
    now: float,
    seconds: float,
    direction: Direction = Direction.BOTH,
    is_open: bool,
) -> None:
    """Learn the points (each sums up `seconds`), and open or resolve the alert about `source`."""
    alarms = [
        alarm
        for alarm in remembered.learn(points)
        if alarm.point.time > now - HISTORY_SECONDS and _is_worse(alarm, direction)
    ]
    for alarm in alarms:
        anomaly = _anomaly(source, alarm, seconds)
        if await raise_alert(connection, anomaly, ACTOR):
            log.warning("alert: %s", anomaly.message)
    if (is_open or alarms) and remembered.calm >= CALM_POINTS:
        reason = f"{source} has been ordinary for {remembered.calm} points"
        await clear_alert(connection, source, RULE, ACTOR, reason)
        log.info("resolved: %s", reason)


def points_of(rows: Iterable[tuple[float, float]], seconds: float) -> list[Point]:
    """Sum up (time, value) samples in order into points of so many seconds. A point's time is its end."""
    buckets: dict[float, list[float]] = {}
    for time, value in rows:
        buckets.setdefault((time // seconds + 1) * seconds, []).append(value)
    return [
        Point(time, sum(values) / len(values), min(values), max(values)) for time, values in sorted(buckets.items())
    ]


def _is_worse(alarm: Alarm, direction: Direction) -> bool:
    if direction is Direction.BOTH:
        return True
    return (alarm.verdict.observed > alarm.verdict.expected) == (direction is Direction.UP)


def _anomaly(source: str, alarm: Alarm, seconds: float) -> Anomaly:
    point, verdict = alarm
    return Anomaly(
        source=source,
        rule=RULE,
        severity=Severity.WARNING,
        message=(
            f"{source} is {verdict.observed:.4g}, lately {verdict.expected:.4g}: "
            f"hardly ever seen before (score {verdict.score:.1f})"
        ),
        score=verdict.score,
        window_start=datetime.fromtimestamp(point.time - seconds, UTC),
        window_end=datetime.fromtimestamp(point.time, UTC),
        expected=verdict.expected,
        observed=verdict.observed,
        model=Rarity.name,
        model_version=Rarity.version,
    )
