"""Follows the database: a notification wakes, a query fetches what is new, the hub hands it on."""

import asyncio
import logging
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import asyncpg

from apps.api.live.hub import Hub
from apps.api.metrics import LIVE_DELAY_SECONDS, LIVE_LISTENING
from apps.api.repository.alerts import as_alert
from apps.api.repository.readings import LATEST, LatestItem
from apps.domain.readings import EARLIEST
from apps.storage.channels import Channel
from apps.storage.tables import IS_UNRESOLVED

log = logging.getLogger(__name__)

REST_SECONDS = 0.2
"""Notifications that arrive within this time after a query are answered by one."""
IDLE_SECONDS = 5.0
"""Without a notification the query runs after this time anyway."""
WHOLE_SECONDS = 60.0
"""How often everything is read again: for what committed later than the overlap, and for what is gone."""
OVERLAP = timedelta(seconds=5)
"""A row gets its time before its transaction commits, so a row may appear this late behind newer ones."""
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 5.0
"""Before connecting again."""


class Feed:
    """One connection that listens and fetches. It outlives the loss of the database."""

    def __init__(self, hub: Hub, connect_arguments: dict[str, Any]) -> None:
        self._hub = hub
        self._arguments = connect_arguments
        self._wake = asyncio.Event()
        self._high = EARLIEST
        self._alerts_high = self._high
        self._wait = SHORTEST_WAIT_SECONDS

    async def run(self) -> None:
        """Follow until cancelled. Whatever happens is logged and tried again: clients wait for what comes next."""
        while True:
            try:
                await self._follow()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("live updates wait for the database: %s", str(error) or type(error).__name__)
            except Exception:
                log.exception("live updates failed and begin again")
            await asyncio.sleep(self._wait * random.uniform(0.5, 1))  # noqa: S311 - spreads processes, guards nothing
            self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)

    async def _follow(self) -> NoReturn:
        connection = await asyncpg.connect(**self._arguments)
        try:
            connection.add_termination_listener(self._notice)
            for channel in Channel:
                await connection.add_listener(channel, self._notice)
            LIVE_LISTENING.set(1)
            self._wait = SHORTEST_WAIT_SECONDS
            while True:
                await self._fetch_whole(connection)
                await self._fetch_until(connection, asyncio.get_running_loop().time() + WHOLE_SECONDS)
        finally:
            LIVE_LISTENING.set(0)
            connection.terminate()

    async def _fetch_until(self, connection: asyncpg.Connection, end: float) -> None:
        while (left := end - asyncio.get_running_loop().time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, IDLE_SECONDS)):
                    await self._wake.wait()
            self._wake.clear()
            await self._fetch_new(connection)
            await asyncio.sleep(REST_SECONDS)

    async def _fetch_whole(self, connection: asyncpg.Connection) -> None:
        readings = await connection.fetch(LATEST)
        alerts = await connection.fetch(_RECENT_ALERTS)
        self._publish(readings, alerts, whole=True)

    async def _fetch_new(self, connection: asyncpg.Connection) -> None:
        readings = await connection.fetch(f"{LATEST} WHERE s.stored_at > $1", self._high - OVERLAP)
        alerts = await connection.fetch("SELECT * FROM alerts WHERE updated_at > $1", self._alerts_high - OVERLAP)
        for item in self._publish(readings, alerts, whole=False):
            LIVE_DELAY_SECONDS.observe(max(0.0, (datetime.now(UTC) - item.stored_at).total_seconds()))

    def _publish(
        self, readings: list[asyncpg.Record], alerts: list[asyncpg.Record], *, whole: bool
    ) -> list[LatestItem]:
        self._high = max([self._high, *(row["stored_at"] for row in readings)])
        self._alerts_high = max([self._alerts_high, *(row["updated_at"] for row in alerts)])
        return self._hub.publish([LatestItem(*row) for row in readings], [as_alert(row) for row in alerts], whole=whole)

    def _notice(self, *_: object) -> None:
        self._wake.set()


# Resolved ones stay a while, so that what arrives again within the overlap is known to be old.
_RECENT_ALERTS = f"SELECT * FROM alerts WHERE {IS_UNRESOLVED} OR updated_at > clock_timestamp() - interval '5 minutes'"  # noqa: S608
