"""Asks the database which metrics a device has. Only for a device that sends more names than may be new in a day, and
never for long: readings are taken without an answer too, and the ingestor keeps the bound then.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

from apps.gateway.settings import GatewaySettings
from apps.storage.connection import connect_arguments
from apps.storage.series import DeviceMetrics, device_metrics

ASK_SECONDS = 1.0
"""An upload waits no longer."""
PAUSE_SECONDS = 5.0
"""After a question that was not answered, in which none is asked: no upload waits then."""

log = logging.getLogger(__name__)


class StoredMetrics:
    """The database's word on the metrics of devices. Use `running` around the time in which it is asked."""

    def __init__(self, settings: GatewaySettings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect_arguments(settings, "gateway") | {"timeout": 5}
        self._monotonic = monotonic
        self._pool: asyncpg.Pool | None = None
        self._silent_until = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer until the block ends."""
        # It connects when it is first asked, which is seldom.
        self._pool = asyncpg.create_pool(**self._connect, min_size=0, max_size=1, max_inactive_connection_lifetime=60)
        await self._pool
        try:
            yield
        finally:
            self._pool.terminate()
            self._pool = None

    async def of(self, device_id: str) -> DeviceMetrics | None:
        """Return what is stored of a device; None where the database does not say."""
        if self._pool is None or self._monotonic() < self._silent_until:
            return None
        try:
            # Its own timeout is also that of giving back a connection whose query was interrupted.
            connecting = self._pool.acquire(timeout=ASK_SECONDS)
            async with asyncio.timeout(ASK_SECONDS), connecting as connection:
                return (await device_metrics(connection, [device_id]))[device_id]
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("which metrics %s has is not known: %r", device_id, error)
            self._silent_until = self._monotonic() + PAUSE_SECONDS
            return None
