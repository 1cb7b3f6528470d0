"""The database of the API: `databases` behind one door that waits a bounded time and names what is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias, cast

import asyncpg
import databases
from databases.core import Connection
from sqlalchemy.sql import ClauseElement

from apps.api.errors import DatabaseUnavailableError
from apps.api.limits import Limits
from apps.api.metrics import DATABASE_UNAVAILABLE
from apps.api.settings import ApiSettings
from apps.storage.connection import connect_arguments

Row: TypeAlias = asyncpg.Record


class Database:
    """A pool of connections. A task that asks twice gets the same connection, so its queries join its transaction."""

    def __init__(self, settings: ApiSettings, limits: Limits) -> None:
        self._limits = limits
        arguments = connect_arguments(settings, "api") | {"timeout": 5, "command_timeout": limits.query_seconds}
        self._pool = databases.Database(
            "postgresql://",
            **arguments,
            min_size=0,
            max_size=settings.database_connections - 1,  # one is for live updates
            max_inactive_connection_lifetime=300,
            reset=_skip_reset,
        )

    async def open(self) -> None:
        """Make the pool. It connects when a connection is first wanted, so this works without the database too."""
        await self._pool.connect()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.disconnect()

    async def rows(self, query: ClauseElement) -> list[Row]:
        """Run a SQLAlchemy Core statement and return its rows as asyncpg reads them: JSON stays text."""
        async with self._acquire() as connection:
            # The records of `databases` would convert each value again, which costs more than the query.
            return [cast("Row", row._mapping) for row in await connection.fetch_all(query)]

    async def row(self, query: ClauseElement) -> Row | None:
        """Run a SQLAlchemy Core statement and return its first row."""
        return next(iter(await self.rows(query)), None)

    async def run(self, query: ClauseElement) -> None:
        """Run a SQLAlchemy Core statement."""
        async with self._acquire() as connection:
            await connection.execute(query)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield asyncpg's own connection: for SQL as text, and for what `apps.storage` does.

        Raises DatabaseUnavailableError instead of making the caller wait, as every method here does.
        """
        async with self._acquire() as connection:
            yield connection.raw_connection

    @asynccontextmanager
    async def transaction(self, *, dry_run: bool = False) -> AsyncIterator[asyncpg.Connection]:
        """Commit what the block does, or nothing of it; nothing at all when it is a dry run."""
        async with self._acquire() as connection, connection.transaction(force_rollback=dry_run):
            yield connection.raw_connection

    @asynccontextmanager
    async def _acquire(self) -> AsyncIterator[Connection]:
        async with AsyncExitStack() as stack:
            connection = self._pool.connection()
            try:
                async with asyncio.timeout(self._limits.acquire_seconds):
                    await stack.enter_async_context(connection)
            except TimeoutError:
                raise _unavailable("every database connection is busy: try again in a moment") from None
            except _UNREACHABLE as error:
                raise _unavailable(_UNREACHABLE_TEXT) from error
            try:
                yield connection
            except (TimeoutError, asyncpg.QueryCanceledError) as error:
                limit = f"{self._limits.query_seconds:g} s"
                text = f"the database took over {limit}: ask for less at a time, or try again later"
                raise _unavailable(text) from error
            except _UNREACHABLE as error:
                raise _unavailable(_UNREACHABLE_TEXT) from error
            except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                # Also what asyncpg says of a mistake in the code, which must not pass for a database that is away.
                if not connection.raw_connection.is_closed():
                    raise
                raise _unavailable(_UNREACHABLE_TEXT) from error


async def _skip_reset(_: asyncpg.Connection) -> None:
    """Save a round trip for each request: nothing here changes a session, and asyncpg itself ends a transaction."""


def _unavailable(text: str) -> DatabaseUnavailableError:
    DATABASE_UNAVAILABLE.inc()
    return DatabaseUnavailableError(text)


_UNREACHABLE_TEXT = "the database is not reachable: try again in a moment"
_UNREACHABLE = (
    OSError,  # refused, unreachable, reset
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
