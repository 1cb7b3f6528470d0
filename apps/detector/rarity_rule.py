"""The rarity rule: an alert is opened by a detection of the rarity model, and over when the signal is normal again."""

import logging
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias

import asyncpg

from apps.detector.alerts import ACTOR
from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.signals import Direction
from apps.detector.state import Detection, SignalState
from apps.domain.alerts import Anomaly, Severity
from apps.storage.alerts import clear_alert, raise_alert

log = logging.getLogger(__name__)

RULE = Rarity.name

Sensor: TypeAlias = tuple[str, str]
"""A device and its metric."""

RESOLVE_AFTER_POINTS = 3
"""Normal points in a row after which an alert is over."""

MAX_HISTORY_AGE_SECONDS = 3600
"""Of what a fresh model first learns from, nobody is told what is older. Whatever comes later is news, however late."""


async def process(
    connection: asyncpg.Connection,
    source: str,
    state: SignalState,
    points: Iterable[Point],
    *,
    now: float,
    point_seconds: float,
    direction: Direction = Direction.BOTH,
    is_open: bool,
    sensor: Sensor | None = None,
) -> None:
    """Learn the points, each of which sums up `point_seconds`, and open or resolve the alert about `source`."""
    since = now - MAX_HISTORY_AGE_SECONDS if state.last_time is None else -math.inf
    detections = [
        detection
        for detection in state.learn(points)
        if detection.point.time > since and _is_worse(detection, direction)
    ]
    for detection in detections:
        anomaly = _anomaly(source, detection, point_seconds, sensor)
        if await raise_alert(connection, anomaly, ACTOR):
            log.warning("alert: %s", anomaly.message)
    if (is_open or detections) and state.consecutive_normal >= RESOLVE_AFTER_POINTS:
        reason = f"{source} has been normal for {state.consecutive_normal} points"
        await clear_alert(connection, source, RULE, ACTOR, reason)
        log.info("resolved: %s", reason)


def resample(samples: Iterable[tuple[float, float]], point_seconds: float) -> list[Point]:
    """Sum up (time, value) samples in order into points of so many seconds. A point's time is its end."""
    buckets: dict[float, list[float]] = {}
    for time, value in samples:
        buckets.setdefault((time // point_seconds + 1) * point_seconds, []).append(value)
    return [
        Point(time, sum(values) / len(values), min(values), max(values)) for time, values in sorted(buckets.items())
    ]


def _is_worse(detection: Detection, direction: Direction) -> bool:
    if direction is Direction.BOTH:
        return True
    return (detection.score.observed > detection.score.expected) == (direction is Direction.UP)


def _anomaly(source: str, detection: Detection, point_seconds: float, sensor: Sensor | None) -> Anomaly:
    point, score = detection
    device_id, metric = sensor or (None, None)
    begin = datetime.fromtimestamp(point.time - point_seconds, UTC)
    return Anomaly(
        source=source,
        rule=RULE,
        severity=Severity.WARNING,
        message=(
            f"{source} is {score.observed:.4g}, lately {score.expected:.4g}: "
            f"hardly ever seen before (score {score.value:.1f})"
        ),
        device_id=device_id,
        metric=metric,
        since=begin,
        score=score.value,
        window_start=begin,
        window_end=datetime.fromtimestamp(point.time, UTC),
        expected=score.expected,
        observed=score.observed,
        model=Rarity.name,
        model_version=Rarity.version,
    )
