"""Connections of the API: `databases` behind one layer that waits a bounded time and names what is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias, cast

import asyncpg
from databases import Database
from databases.core import Connection
from sqlalchemy.sql import ClauseElement

from apps.api.metrics import DATABASE_UNAVAILABLE
from apps.api.settings import ApiSettings
from apps.storage.connection import connect_arguments

ACQUIRE_SECONDS = 2.0
"""How long a request waits for a free connection."""
QUERY_SECONDS = 15.0
"""How long one query may take."""

Row: TypeAlias = asyncpg.Record


class DatabaseUnavailableError(Exception):
    """The database could not do it in time. The text may be shown to the caller; trying again later may help."""


class Repository:
    """The database as the resources' modules use it.

    A transaction belongs to the task that opened it: `databases` gives each task a connection of its own.
    """

    def __init__(self, settings: ApiSettings) -> None:
        arguments = connect_arguments(settings, "api") | {"timeout": 5, "command_timeout": QUERY_SECONDS}
        self._database = Database(
            "postgresql://",
            **arguments,
            min_size=0,
            max_size=settings.database_connections - 1,  # one is for live updates
            max_inactive_connection_lifetime=300,
            reset=_leave,
        )

    async def open(self) -> None:
        """Make the pool. It connects when a connection is first wanted, so this works without the database too."""
        await self._database.connect()

    async def close(self) -> None:
        """Close every connection."""
        await self._database.disconnect()

    async def rows(self, query: ClauseElement) -> list[Row]:
        """Run a SQLAlchemy Core statement and return its rows as asyncpg reads them: JSON stays text.

        The records of `databases` would convert each value again, which costs more than the query.
        """
        async with self.connection() as connection:
            return [cast("Row", row._mapping) for row in await connection.fetch_all(query)]

    async def row(self, query: ClauseElement) -> Row | None:
        """Run a SQLAlchemy Core statement and return its first row."""
        return next(iter(await self.rows(query)), None)

    async def run(self, query: ClauseElement) -> None:
        """Run a SQLAlchemy Core statement."""
        async with self.connection() as connection:
            await connection.execute(query)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Commit what the block does, or nothing of it."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield asyncpg's own connection: for reads where the wrapper's records cost more than the query."""
        async with self.connection() as connection:
            yield connection.raw_connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Yield this task's connection. Raises DatabaseUnavailableError instead of making the caller wait."""
        connection = self._database.connection()
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await connection.__aenter__()
        except TimeoutError:
            raise _unavailable("every database connection is busy: try again in a moment") from None
        except _UNREACHABLE as error:
            raise _unavailable(_UNREACHABLE_TEXT) from error
        try:
            yield connection
        except (TimeoutError, asyncpg.QueryCanceledError) as error:
            text = f"the database took over {QUERY_SECONDS:g} s: ask for less at a time, or try again later"
            raise _unavailable(text) from error
        except _UNREACHABLE as error:
            raise _unavailable(_UNREACHABLE_TEXT) from error
        except asyncpg.InterfaceError as error:
            # Also what asyncpg says of a mistake in the code, which must not pass for a database that is away.
            if not connection.raw_connection.is_closed():
                raise
            raise _unavailable(_UNREACHABLE_TEXT) from error
        finally:
            await connection.__aexit__()


async def _leave(_: asyncpg.Connection) -> None:
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
