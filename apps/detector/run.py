"""One run: scan the platform and the sensors, write the alerts, push the metrics."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from apps.detector import alerts, metrics, state
from apps.detector.errors import PrometheusError
from apps.detector.forecast_rule import scan_forecasts
from apps.detector.platform_scan import PlatformScan, apply_rarity, apply_zscore, fetch_series
from apps.detector.prometheus import Prometheus
from apps.detector.sensor_scan import ALLOWED_LATENESS_SECONDS, scan_sensors
from apps.detector.settings import DetectorSettings
from apps.domain.alerts import PLATFORM_RULE
from apps.storage.connection import connect_arguments

log = logging.getLogger(__name__)

FAILED = 1
"""Exit code: a part of the run failed, and the log says which."""

MAX_CLOCK_SKEW_SECONDS = 30
"""Between Prometheus and this machine, before it is logged."""

SENSOR_DEADLINE_SECONDS = 150
"""A run begins no more sensors after this, so that there is time to publish what it found."""

_LOCK = 0x5DE7EC7  # any number that no other advisory lock of the database uses


async def run(settings: DetectorSettings, stopping: asyncio.Event) -> int:
    """Run once and return the exit code: 0 or FAILED. Does nothing while another run is under way."""
    started = time.monotonic()
    try:
        connection = await asyncpg.connect(**connect_arguments(settings, "detector"))
    except (OSError, asyncpg.PostgresError) as error:
        log.error("cannot reach the database: %s", error or type(error).__name__)
        return FAILED
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            log.warning("another run is under way: this one does nothing")
            return 0
        began: datetime = await connection.fetchval("SELECT now()")
        scan = await _scan_platform(settings, connection)
        await _scan_sensors(
            connection,
            settings.point_seconds,
            lambda: not stopping.is_set() and time.monotonic() - started < SENSOR_DEADLINE_SECONDS,
        )
        metrics.SIGNALS.labels("forecast", "judged").set(
            await scan_forecasts(connection, timedelta(seconds=ALLOWED_LATENESS_SECONDS))
        )
        await state.purge(connection)
        metrics.RUN_SECONDS.set(time.monotonic() - started)
        return await _publish(settings, connection, scan, began)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.error("the database failed: %s", error or type(error).__name__)
        return FAILED
    finally:
        await connection.close(timeout=5)


async def _scan_platform(settings: DetectorSettings, connection: asyncpg.Connection) -> PlatformScan:
    async with httpx.AsyncClient(base_url=settings.prometheus_url, timeout=20) as client:
        prometheus = Prometheus(client)
        try:
            now = await prometheus.now()
        except PrometheusError as error:
            log.error("cannot reach Prometheus at %s: %s", settings.prometheus_url, error)
            return PlatformScan(failures=1)
        skew = now - datetime.now(UTC).timestamp()
        if abs(skew) > MAX_CLOCK_SKEW_SECONDS:
            log.warning("the clock of Prometheus is %+.0f s from this one: it is the one that counts", skew)
        fetched, scan = await fetch_series(prometheus, settings.signals, now)
    await apply_zscore(connection, fetched, now, scan)
    await apply_rarity(connection, fetched, now, settings.point_seconds)
    return scan


async def _scan_sensors(
    connection: asyncpg.Connection, point_seconds: int, should_continue: Callable[[], bool]
) -> None:
    sensors = await scan_sensors(connection, point_seconds, should_continue)
    metrics.SIGNALS.labels("sensor", "judged").set(sensors.judged)
    metrics.SIGNALS.labels("sensor", "left").set(sensors.deferred)
    if sensors.deferred:
        log.warning("no time for %d sensors: the next run begins with them", sensors.deferred)


async def _publish(
    settings: DetectorSettings, connection: asyncpg.Connection, scan: PlatformScan, began: datetime
) -> int:
    states = dict.fromkeys(scan.judged, False) | await alerts.paging(connection, PLATFORM_RULE, began)
    metrics.SIGNALS.labels("platform", "judged").set(len(scan.judged))
    metrics.SIGNALS.labels("platform", "without_data").set(len(scan.without_data))
    failures = scan.failures
    try:
        await asyncio.to_thread(metrics.push, settings.pushgateway_url, states, failures)
    except OSError as error:
        log.error("cannot push to %s: %s", settings.pushgateway_url, error)
        failures += 1
    log.info(
        "watched %d signals, %d without enough data, %d failures, %d alerting",
        len(scan.judged),
        len(scan.without_data),
        failures,
        sum(states.values()),
    )
    if not scan.judged:
        log.warning("no signal had enough samples to judge: that is so in the first minutes of a platform")
    return FAILED if failures else 0
