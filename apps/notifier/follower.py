"""Follows the alerts in the database, and tells Alertmanager of each for as long as it is not over."""

import asyncio
import logging
import random
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from typing import NoReturn

import asyncpg

from apps.notifier import metrics
from apps.notifier.alertmanager import Alertmanager
from apps.notifier.errors import UndeliveredError
from apps.notifier.queries import fetch_due, note_sent
from apps.notifier.quiet import handed_over, is_told_here, quiet_until
from apps.notifier.settings import NotifierSettings
from apps.storage.channels import Channel
from apps.storage.connection import connect_arguments

log = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.5
"""Alerts that change within this time are told together."""

INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 15.0
"""Before trying again."""


class Follower:
    """One connection that listens and fetches. It outlives the loss of the database and of Alertmanager."""

    def __init__(self, settings: NotifierSettings, alertmanager: Alertmanager, rng: random.Random) -> None:
        self._settings = settings
        self._alertmanager = alertmanager
        self._rng = rng
        self._hold = timedelta(seconds=settings.notifications.hold_seconds)
        self._wake = asyncio.Event()
        self._backoff = INITIAL_BACKOFF_SECONDS
        self._last_error: str | None = "it has not looked yet"

    async def ready(self) -> str | None:
        """Return None while the database can be followed, else why not.

        An Alertmanager that is away does not count: it is told when it is back, and nothing here waits for it.
        """
        return self._last_error

    async def run(self) -> None:
        """Follow until cancelled. Whatever happens is logged and tried again: no alert is lost by it."""
        while True:
            try:
                await self._follow()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                self._last_error = f"the database: {str(error) or type(error).__name__}"
                log.warning("alerts wait to be told: %s", self._last_error)
            except UndeliveredError as error:
                log.warning("alerts wait to be told: %s", error)
            except Exception:
                log.exception("telling Alertmanager failed and begins again")
            metrics.FAILURES.inc()
            await asyncio.sleep(self._backoff * self._rng.uniform(0.5, 1))
            self._backoff = min(self._backoff * 2, MAX_BACKOFF_SECONDS)

    async def _follow(self) -> NoReturn:
        connection = await asyncpg.connect(**connect_arguments(self._settings, "notifier"))
        try:
            connection.add_termination_listener(self._notice)
            await connection.add_listener(Channel.ALERTS, self._notice)
            while True:
                seconds = await self._tell(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
                await asyncio.sleep(DEBOUNCE_SECONDS)
        finally:
            connection.terminate()

    async def _tell(self, connection: asyncpg.Connection) -> float:
        """Tell of everything, and return the seconds until there is something to tell again."""
        self._wake.clear()
        due = await fetch_due(connection)
        self._last_error = None
        alerts = (handed_over(notice, due.now, self._hold, self._settings.public_url) for notice in due.notices)
        await self._alertmanager.post(list(chain.from_iterable(alerts)))
        first = [notice for notice in due.notices if notice.first_sent_at is None and is_told_here(notice)]
        await note_sent(connection, [notice.alert.alert_id for notice in first])
        for notice in first:
            if not notice.reminders:
                metrics.DELAY_SECONDS.observe(max(0.0, (due.now - notice.alert.opened_at).total_seconds()))
        metrics.NOTICES.set(len(due.notices))
        metrics.LAST_SUCCESS.set_to_current_time()
        self._backoff = INITIAL_BACKOFF_SECONDS
        times = (
            time
            for notice in due.notices
            for time in (notice.over_at(due.now, self._hold), quiet_until(notice, due.now))
            if time and time > due.now
        )
        return min([self._settings.resend_seconds, *((time - due.now).total_seconds() for time in times)])

    def _notice(self, *_: object) -> None:
        self._wake.set()
