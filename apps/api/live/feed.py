"""Follows the database: a notification wakes, a query fetches what is new, the hub hands it on."""

import asyncio
import logging
import random
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

import asyncpg

from apps.api.limits import Limits
from apps.api.live.hub import Hub
from apps.api.metrics import LIVE_DELAY_SECONDS, LIVE_LISTENING
from apps.api.queries import alerts, readings
from apps.api.queries.readings import LabelledReading, LatestReading
from apps.domain.alerts import Alert
from apps.domain.time_bounds import MIN_TIMESTAMP
from apps.storage.channels import Channel

log = logging.getLogger(__name__)

INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.2, 5.0
"""Before connecting again."""


class Feed:
    """One connection that listens and fetches. It outlives the loss of the database."""

    def __init__(self, hub: Hub, connect_arguments: dict[str, Any], limits: Limits) -> None:
        self._hub = hub
        self._arguments = connect_arguments
        self._limits = limits
        self._wake = asyncio.Event()
        self._readings_high_watermark = MIN_TIMESTAMP
        self._alerts_high_watermark = MIN_TIMESTAMP
        self._backoff = INITIAL_BACKOFF_SECONDS

    async def run(self) -> None:
        """Follow until cancelled. Whatever happens is logged and tried again: clients wait for what comes next."""
        while True:
            try:
                await self._follow()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("live updates wait for the database: %s", str(error) or type(error).__name__)
            except Exception:
                log.exception("live updates failed and begin again")
            await asyncio.sleep(self._backoff * random.uniform(0.5, 1))  # noqa: S311 - spreads processes, guards nothing
            self._backoff = min(self._backoff * 2, MAX_BACKOFF_SECONDS)

    async def _follow(self) -> NoReturn:
        connection = await asyncpg.connect(**self._arguments)
        try:
            connection.add_termination_listener(self._notice)
            for channel in Channel:
                await connection.add_listener(channel, self._notice)
            LIVE_LISTENING.set(1)
            self._backoff = INITIAL_BACKOFF_SECONDS
            while True:
                await self._fetch_all(connection)
                await self._fetch_until(
                    connection, asyncio.get_running_loop().time() + self._limits.full_refresh_seconds
                )
        finally:
            LIVE_LISTENING.set(0)
            connection.terminate()

    async def _fetch_until(self, connection: asyncpg.Connection, end: float) -> None:
        while (left := end - asyncio.get_running_loop().time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._limits.idle_seconds)):
                    await self._wake.wait()
            self._wake.clear()
            await self._fetch_new(connection)
            await asyncio.sleep(self._limits.debounce_seconds)

    async def _fetch_all(self, connection: asyncpg.Connection) -> None:
        self._publish(await readings.latest_stored(connection), await alerts.unresolved_or_recent(connection), True)

    async def _fetch_new(self, connection: asyncpg.Connection) -> None:
        overlap = self._limits.overlap
        latest = await readings.latest_stored(connection, self._readings_high_watermark - overlap)
        changed = await alerts.changed(connection, self._alerts_high_watermark - overlap)
        for item in self._publish(latest, changed, False):
            LIVE_DELAY_SECONDS.observe(max(0.0, (datetime.now(UTC) - item.stored_at).total_seconds()))

    def _publish(self, latest: list[LabelledReading], changed: list[Alert], is_snapshot: bool) -> list[LatestReading]:
        stored = [item.reading.stored_at for item in latest]
        self._readings_high_watermark = max([self._readings_high_watermark, *stored])
        self._alerts_high_watermark = max([self._alerts_high_watermark, *(alert.updated_at for alert in changed)])
        labels = {item.reading.device_id: item.labels for item in latest}
        return self._hub.publish([item.reading for item in latest], changed, labels, is_snapshot=is_snapshot)

    def _notice(self, *_: object) -> None:
        self._wake.set()
