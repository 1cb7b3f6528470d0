"""Watches the platform's own signals: asks Prometheus, judges, and opens or resolves alerts."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from apps.detector import alerts, memory, rare, zscore
from apps.detector.prometheus import Prometheus, PrometheusError, Samples
from apps.detector.rarity import Rarity
from apps.detector.signals import Signal
from apps.domain.alerts import Anomaly, Severity
from apps.storage.alerts import clear_alert, raise_alert

log = logging.getLogger(__name__)

NEW_NORMAL = timedelta(hours=6)
"""A level that lasted this long is what the service now is like: its alert is resolved."""


@dataclass(slots=True)
class Watched:
    """What a look at the platform found. `judged` and `without_data` name sources."""

    judged: list[str] = field(default_factory=list)
    without_data: list[str] = field(default_factory=list)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """One series of a signal, and what an alert about it is about."""

    signal: Signal
    source: str
    samples: Samples


async def read_signals(prometheus: Prometheus, signals: Iterable[Signal], now: float) -> tuple[list[Observed], Watched]:
    """Ask for every signal's last quarter of an hour. A signal that cannot be read is logged and counted."""
    observed: list[Observed] = []
    watched = Watched()
    for signal in signals:
        try:
            answer = await prometheus.range(signal.query, now - zscore.WINDOW_SECONDS, now, zscore.STEP_SECONDS)
        except PrometheusError as error:
            log.error("cannot read %s: %s", signal.name, error)
            watched.failures += 1
            continue
        if not answer:
            log.warning("no series answers the query of %s: is anything scraped? %s", signal.name, signal.query)
            watched.without_data.append(signal.name)
        observed += [Observed(signal, signal.source(samples.labels), samples) for samples in answer]
    return observed, watched


async def judge_signals(
    connection: asyncpg.Connection, observed: Iterable[Observed], now: float, watched: Watched
) -> None:
    """Apply the z-score rule to each series."""
    open_alerts = await alerts.unresolved(connection, zscore.RULE)
    for one in observed:
        judgement = zscore.judge(one.samples, now, one.signal.direction, one.signal.floor)
        if judgement is None:
            log.warning("%s has too few samples to judge: %d", one.source, len(one.samples.values))
            watched.without_data.append(one.source)
            continue
        watched.judged.append(one.source)
        if known := open_alerts.get(one.source):
            await _follow(connection, one, judgement, known, now)
        elif judgement.score > zscore.ALARM:
            anomaly = _anomaly(one, judgement, now)
            await raise_alert(connection, anomaly, alerts.ACTOR)
            log.warning("alert: %s", anomaly.message)
    for source, known in open_alerts.items():
        if source not in watched.judged and _time(now) - known.updated_at > NEW_NORMAL:
            await _resolve(connection, source, f"{source} has had no data for {NEW_NORMAL}")


async def learn_signals(
    connection: asyncpg.Connection, observed: Iterable[Observed], now: float, point_seconds: int
) -> None:
    """Let the model with the long memory judge each series' closed points."""
    by_signal = {f"platform:{one.source}": one for one in observed}
    is_open = await alerts.unresolved(connection, rare.RULE)
    async with connection.transaction():
        remembered = await memory.load(connection, Rarity, list(by_signal))
        for signal, one in by_signal.items():
            points = rare.points_of(
                zip(one.samples.times.tolist(), one.samples.values.tolist(), strict=True), point_seconds
            )
            await rare.watch(
                connection,
                one.source,
                remembered[signal],
                [point for point in points if now - zscore.WINDOW_SECONDS + point_seconds <= point.time <= now],
                now=now,
                seconds=point_seconds,
                direction=one.signal.direction,
                is_open=one.source in is_open,
            )
        await memory.save(connection, remembered)


async def _follow(
    connection: asyncpg.Connection, one: Observed, judgement: zscore.Judgement, known: alerts.Unresolved, now: float
) -> None:
    # The fault has been in the window for a while and by now may look normal there: what it is measured by is what was
    # normal when the alert was opened.
    spread = max(abs(known.observed - known.expected) / max(abs(known.score), zscore.CLEAR), one.signal.floor)
    score = zscore.distance(judgement.observed, known.expected, spread, one.signal.direction)
    if score < zscore.CLEAR:
        reason = f"{one.source} is back at {judgement.observed:.4g} (expected {known.expected:.4g})"
    elif _time(now) - known.opened_at > NEW_NORMAL and judgement.score <= zscore.ALARM:
        reason = f"{one.source} has been like this for {NEW_NORMAL}: {judgement.observed:.4g} is normal now"
    else:
        lasting = zscore.Judgement(score, known.expected, judgement.observed, spread)
        await raise_alert(connection, _anomaly(one, lasting, now), alerts.ACTOR)
        return
    await _resolve(connection, one.source, reason)


async def _resolve(connection: asyncpg.Connection, source: str, reason: str) -> None:
    await clear_alert(connection, source, zscore.RULE, alerts.ACTOR, reason)
    log.info("resolved: %s", reason)


def _anomaly(one: Observed, judgement: zscore.Judgement, now: float) -> Anomaly:
    return Anomaly(
        source=one.source,
        rule=zscore.RULE,
        severity=Severity.CRITICAL,
        message=(
            f"{one.source} is {judgement.observed:.4g}, expected {judgement.expected:.4g} "
            f"(give or take {judgement.spread:.2g}): z = {judgement.score:.1f}"
        ),
        score=judgement.score,
        window_start=_time(now - zscore.WINDOW_SECONDS),
        window_end=_time(now),
        expected=judgement.expected,
        observed=judgement.observed,
        model=zscore.RULE,
        model_version=zscore.VERSION,
    )


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
