"""One run: look at the platform and at the sensors, write the alerts, push the metrics."""

import asyncio
import logging
import time
from collections.abc import Callable

import asyncpg
import httpx

from apps.detector import alerts, memory, metrics
from apps.detector.platform_watch import Watched, judge_signals, learn_signals, read_signals
from apps.detector.prometheus import Prometheus, PrometheusError
from apps.detector.sensors import watch_sensors
from apps.detector.settings import DetectorSettings
from apps.storage.connection import connect_arguments

log = logging.getLogger(__name__)

FAILED = 1
"""Exit code: a part of the run failed, and the log says which."""

NO_DATA = 3
"""Exit code: everything answered, but no signal held enough samples to judge."""

CLOCKS_APART_SECONDS = 30

SENSOR_SECONDS = 150
"""A run begins no more sensors after this: there has to be time to tell what it found."""

_LOCK = 0x5DE7EC7  # any number that no other advisory lock of the database uses


async def run(settings: DetectorSettings, stopping: asyncio.Event) -> int:
    """Run once and return the exit code: 0, FAILED or NO_DATA. Does nothing while another run is under way."""
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
        watched = await _watch_platform(settings, connection)
        await _watch_sensors(
            connection,
            settings.point_seconds,
            lambda: not stopping.is_set() and time.monotonic() - started < SENSOR_SECONDS,
        )
        await memory.forget(connection)
        metrics.RUN_SECONDS.set(time.monotonic() - started)
        return await _tell(settings, connection, watched)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.error("the database failed: %s", error or type(error).__name__)
        return FAILED
    finally:
        await connection.close(timeout=5)


async def _watch_platform(settings: DetectorSettings, connection: asyncpg.Connection) -> Watched:
    async with httpx.AsyncClient(base_url=settings.prometheus_url, timeout=20) as client:
        prometheus = Prometheus(client)
        try:
            now = await prometheus.now()
        except PrometheusError as error:
            log.error("cannot reach Prometheus at %s: %s", settings.prometheus_url, error)
            return Watched(failures=1)
        if abs(now - time.time()) > CLOCKS_APART_SECONDS:
            log.warning(
                "the clock of Prometheus is %+.0f s from this one: it is the one that counts", now - time.time()
            )
        observed, watched = await read_signals(prometheus, settings.signals, now)
    await judge_signals(connection, observed, now, watched)
    await learn_signals(connection, observed, now, settings.point_seconds)
    return watched


async def _watch_sensors(connection: asyncpg.Connection, point_seconds: int, go_on: Callable[[], bool]) -> None:
    sensors = await watch_sensors(connection, point_seconds, go_on)
    metrics.SIGNALS.labels("sensor", "judged").set(sensors.judged)
    metrics.SIGNALS.labels("sensor", "left").set(sensors.left)
    if sensors.left:
        log.warning("no time for %d sensors: the next run begins with them", sensors.left)


async def _tell(settings: DetectorSettings, connection: asyncpg.Connection, watched: Watched) -> int:
    states = dict.fromkeys(watched.judged, False) | await alerts.states(connection)
    metrics.SIGNALS.labels("platform", "judged").set(len(watched.judged))
    metrics.SIGNALS.labels("platform", "without_data").set(len(watched.without_data))
    failures = watched.failures
    try:
        await asyncio.to_thread(metrics.push, settings.pushgateway_url, states, failures)
    except OSError as error:
        log.error("cannot push to %s: %s", settings.pushgateway_url, error)
        failures += 1
    log.info(
        "watched %d signals, %d without enough data, %d failures, %d alerting",
        len(watched.judged),
        len(watched.without_data),
        failures,
        sum(states.values()),
    )
    if failures:
        return FAILED
    return 0 if watched.judged else NO_DATA
