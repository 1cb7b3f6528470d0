"""What the commands that keep the database have in common."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg
import sqlalchemy as sa

from apps.platform.process import FAILED
from apps.storage import partitions
from apps.storage.connection import in_transaction
from apps.storage.errors import StorageError
from apps.storage.settings import StorageSettings

S = TypeVar("S", bound=StorageSettings)

log = logging.getLogger(__name__)


async def exit_code(command: Callable[[S], Awaitable[None]], settings: S) -> int:
    """Carry a command out and return the exit code: FAILED, with a line that says why, when the database fails."""
    try:
        await command(settings)
    except (StorageError, sa.exc.SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        database = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        reason = getattr(error, "orig", None) or error
        log.error("storage: %s as %s: %s", database, settings.database_user, reason)
        return FAILED
    return 0


async def create_ahead(settings: StorageSettings) -> None:
    """Create the partitions of this month and of the months ahead."""
    created = await in_transaction(
        settings, lambda connection: partitions.create_ahead(connection, datetime.now(UTC), settings)
    )
    log.info("partitions are there ahead", extra={"months": [f"{year:04}-{month:02}" for year, month in created]})
