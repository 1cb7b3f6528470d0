"""`python -m apps.storage`: migrate the database and keep its partitions."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg
import sqlalchemy as sa

from apps.platform.settings import ConfigurationError, load
from apps.storage import partitions
from apps.storage.connection import create_engine
from apps.storage.migrate import migrate
from apps.storage.settings import StorageSettings

T = TypeVar("T")

USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.storage",
        description="Migrates the database and keeps its partitions. Where it is comes from DATABASE_* variables.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="create or update tables, roles and grants, then make partitions ahead")
    upkeep = commands.add_parser("partitions", help="make partitions ahead and drop those whose retention is over")
    upkeep.add_argument("--dry-run", action="store_true", help="say what would be made and dropped, and how many bytes")
    commands.add_parser("list", help="list the partitions with their sizes")
    chosen = parser.parse_args(arguments)
    try:
        settings = load(StorageSettings)
        if chosen.command == "migrate":
            passwords = _role_passwords(settings)
            asyncio.run(_migrate(settings, passwords))
        elif chosen.command == "partitions":
            asyncio.run(_maintain(settings, dry_run=chosen.dry_run))
        else:
            asyncio.run(_list(settings))
    except ConfigurationError as error:
        print(f"storage: cannot start\n{error}", file=sys.stderr)
        return USAGE
    except (sa.exc.SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        place = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        print(f"storage: {place} as {settings.database_user}: {getattr(error, 'orig', None) or error}", file=sys.stderr)
        return 1
    return 0


async def _migrate(settings: StorageSettings, passwords: Mapping[str, str]) -> None:
    done = await _transaction(settings, lambda connection: migrate(connection, passwords))
    print(f"migrated from {done.before or 'an empty database'} to {done.after}")
    await _create_ahead(settings)


async def _maintain(settings: StorageSettings, *, dry_run: bool) -> None:
    if not dry_run:
        await _create_ahead(settings)
    now = datetime.now(UTC)
    for partition in partitions.expired(await _transaction(settings, partitions.list_partitions), now, settings):
        if not dry_run:
            await _transaction(settings, partial(partitions.drop, partition=partition))
        print(f"{'would drop' if dry_run else 'dropped'} {partition.name}, {partition.bytes} bytes")


async def _create_ahead(settings: StorageSettings) -> None:
    made = await _transaction(
        settings, lambda connection: partitions.create_ahead(connection, datetime.now(UTC), settings)
    )
    months = ", ".join(f"{year:04}-{month:02}" for year, month in made)
    print(f"made partitions for {months}" if made else "the partitions ahead are there")


async def _list(settings: StorageSettings) -> None:
    for partition in await _transaction(settings, partitions.list_partitions):
        print(f"{partition.name}\t{partition.bytes}")


async def _transaction(settings: StorageSettings, work: Callable[[sa.Connection], T]) -> T:
    engine = create_engine(settings, "storage")
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _role_passwords(settings: StorageSettings) -> dict[str, str]:
    if settings.role_passwords_file is None:
        return {}
    try:
        read = json.loads(Path(settings.role_passwords_file).read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"ROLE_PASSWORDS_FILE={settings.role_passwords_file}: {error}") from None
    return {str(role): str(password) for role, password in read.items()}


if __name__ == "__main__":
    sys.exit(main())
