"""Scans the platform's own signals: reads them from Prometheus, scores them, and opens or resolves alerts."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from apps.detector import alerts, rarity_rule, state, zscore
from apps.detector.errors import PrometheusError
from apps.detector.prometheus import Prometheus, TimeSeries
from apps.detector.rarity import Rarity
from apps.detector.signals import Signal
from apps.domain.alerts import Anomaly, Severity
from apps.storage.alerts import clear_alert, raise_alert

log = logging.getLogger(__name__)

BASELINE_RESET_AFTER = timedelta(hours=6)
"""A level that lasted this long is what is normal now: its alert is resolved."""


@dataclass(slots=True)
class PlatformScan:
    """What a scan of the platform found. `judged` and `without_data` name sources."""

    judged: list[str] = field(default_factory=list)
    without_data: list[str] = field(default_factory=list)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class SignalSeries:
    """One series that answers a signal's query, and the source that an alert about it names."""

    signal: Signal
    source: str
    time_series: TimeSeries


async def fetch_series(
    prometheus: Prometheus, signals: Iterable[Signal], now: float
) -> tuple[list[SignalSeries], PlatformScan]:
    """Ask for every signal's last quarter of an hour. A signal that cannot be read is logged and counted."""
    fetched: list[SignalSeries] = []
    scan = PlatformScan()
    for signal in signals:
        try:
            answer = await prometheus.range(signal.query, now - zscore.WINDOW_SECONDS, now, zscore.STEP_SECONDS)
        except PrometheusError as error:
            log.error("cannot read %s: %s", signal.name, error)
            scan.failures += 1
            continue
        if not answer:
            log.warning("no series answers the query of %s: is anything scraped? %s", signal.name, signal.query)
            scan.without_data.append(signal.name)
        fetched += [SignalSeries(signal, signal.source(series.labels), series) for series in answer]
    return fetched, scan


async def apply_zscore(
    connection: asyncpg.Connection, fetched: Iterable[SignalSeries], now: float, scan: PlatformScan
) -> None:
    """Apply the z-score rule to each series."""
    open_alerts = await alerts.unresolved(connection, zscore.RULE)
    for series in fetched:
        result = zscore.evaluate(series.time_series, now, series.signal.direction, series.signal.floor)
        if result is None:
            log.warning("%s has too few samples to judge: %d", series.source, len(series.time_series.samples))
            scan.without_data.append(series.source)
            continue
        scan.judged.append(series.source)
        if opened := open_alerts.get(series.source):
            await _follow(connection, series, result, opened, now)
        elif result.score > zscore.THRESHOLD:
            anomaly = _anomaly(series, result, now)
            await raise_alert(connection, anomaly, alerts.ACTOR)
            log.warning("alert: %s", anomaly.message)
    for source, opened in open_alerts.items():
        if source not in scan.judged and _time(now) - opened.updated_at > BASELINE_RESET_AFTER:
            await _resolve(connection, source, f"{source} has had no data for {BASELINE_RESET_AFTER}")


async def apply_rarity(
    connection: asyncpg.Connection, fetched: Iterable[SignalSeries], now: float, point_seconds: int
) -> None:
    """Apply the rarity rule to each series' closed points."""
    by_signal = {f"platform:{series.source}": series for series in fetched}
    open_alerts = await alerts.unresolved(connection, rarity_rule.RULE)
    async with connection.transaction():
        states = await state.load(connection, Rarity, list(by_signal))
        for signal, series in by_signal.items():
            points = rarity_rule.resample(series.time_series.samples, point_seconds)
            await rarity_rule.process(
                connection,
                series.source,
                states[signal],
                [point for point in points if now - zscore.WINDOW_SECONDS + point_seconds <= point.time <= now],
                now=now,
                point_seconds=point_seconds,
                direction=series.signal.direction,
                is_open=series.source in open_alerts,
            )
        await state.save(connection, states)


async def _follow(
    connection: asyncpg.Connection,
    series: SignalSeries,
    result: zscore.ZScoreResult,
    opened: alerts.Unresolved,
    now: float,
) -> None:
    # The fault has been in the window for a while and by now may look normal there: it is measured against what was
    # normal when the alert was opened.
    spread = max(
        abs(opened.observed - opened.expected) / max(abs(opened.score), zscore.CLEAR_THRESHOLD), series.signal.floor
    )
    score = zscore.distance(result.observed, opened.expected, spread, series.signal.direction)
    if score < zscore.CLEAR_THRESHOLD:
        reason = f"{series.source} is back at {result.observed:.4g} (expected {opened.expected:.4g})"
    elif _time(now) - opened.opened_at > BASELINE_RESET_AFTER and result.score <= zscore.THRESHOLD:
        reason = f"{series.source} has been like this for {BASELINE_RESET_AFTER}: {result.observed:.4g} is normal now"
    else:
        ongoing = zscore.ZScoreResult(score, opened.expected, result.observed, spread)
        await raise_alert(connection, _anomaly(series, ongoing, now), alerts.ACTOR)
        return
    await _resolve(connection, series.source, reason)


async def _resolve(connection: asyncpg.Connection, source: str, reason: str) -> None:
    await clear_alert(connection, source, zscore.RULE, alerts.ACTOR, reason)
    log.info("resolved: %s", reason)


def _anomaly(series: SignalSeries, result: zscore.ZScoreResult, now: float) -> Anomaly:
    return Anomaly(
        source=series.source,
        rule=zscore.RULE,
        severity=Severity.CRITICAL,
        message=(
            f"{series.source} is {result.observed:.4g}, expected {result.expected:.4g} "
            f"(give or take {result.spread:.2g}): z = {result.score:.1f}"
        ),
        since=_time(now),
        score=result.score,
        window_start=_time(now - zscore.WINDOW_SECONDS),
        window_end=_time(now),
        expected=result.expected,
        observed=result.observed,
        model=zscore.RULE,
        model_version=zscore.VERSION,
    )


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
