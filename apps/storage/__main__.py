"""`python -m apps.storage`: migrate the database and keep its partitions."""

import argparse
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg
import sqlalchemy as sa

from apps.platform.process import FAILED, run_job
from apps.platform.settings import ConfigurationError
from apps.storage import partitions
from apps.storage.connection import create_engine
from apps.storage.migrate import migrate
from apps.storage.service import MIGRATION, PARTITIONS
from apps.storage.settings import StorageSettings

T = TypeVar("T")
Command = Callable[[StorageSettings], Awaitable[None]]

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code. What it did is logged; what was asked for is printed."""
    options = _parser().parse_args(arguments)
    if options.command == "migrate":
        run_job(MIGRATION, StorageSettings, partial(_run, _migrate))
    elif options.command == "partitions":
        run_job(PARTITIONS, StorageSettings, partial(_run, _preview if options.dry_run else _maintain))
    else:
        run_job(PARTITIONS, StorageSettings, partial(_run, _list))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apps.storage",
        description="Migrates the database and keeps its partitions. Where it is comes from DATABASE_* variables. "
        "Exit code: 0 it worked, 1 the database failed, 2 bad settings.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="create or update tables, roles and grants, then create partitions ahead")
    maintain = commands.add_parser("partitions", help="create partitions ahead and drop those whose retention is over")
    maintain.add_argument("--dry-run", action="store_true", help="only print what would be dropped, and how many bytes")
    commands.add_parser("list", help="list the partitions with their sizes")
    return parser


async def _run(command: Command, settings: StorageSettings) -> int:
    try:
        await command(settings)
    except (sa.exc.SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        database = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        reason = getattr(error, "orig", None) or error
        log.error("storage: %s as %s: %s", database, settings.database_user, reason)
        return FAILED
    return 0


async def _migrate(settings: StorageSettings) -> None:
    passwords = _role_passwords(settings)
    result = await _transaction(settings, lambda connection: migrate(connection, passwords))
    log.info("migrated the database", extra={"before": result.before, "after": result.after})
    await _create_ahead(settings)


async def _maintain(settings: StorageSettings) -> None:
    await _create_ahead(settings)
    for partition in await _expired(settings):
        await _transaction(settings, partial(partitions.drop, partition=partition))
        log.info("dropped a partition", extra={"partition": partition.name, "bytes": partition.bytes})


async def _preview(settings: StorageSettings) -> None:
    for partition in await _expired(settings):
        print(f"would drop {partition.name}, {partition.bytes} bytes")


async def _list(settings: StorageSettings) -> None:
    for partition in await _transaction(settings, partitions.list_partitions):
        print(f"{partition.name}\t{partition.bytes}")


async def _create_ahead(settings: StorageSettings) -> None:
    created = await _transaction(
        settings, lambda connection: partitions.create_ahead(connection, datetime.now(UTC), settings)
    )
    log.info("partitions are there ahead", extra={"months": [f"{year:04}-{month:02}" for year, month in created]})


async def _expired(settings: StorageSettings) -> Sequence[partitions.Partition]:
    existing = await _transaction(settings, partitions.list_partitions)
    return list(partitions.expired(existing, datetime.now(UTC), settings))


async def _transaction(settings: StorageSettings, work: Callable[[sa.Connection], T]) -> T:
    engine = create_engine(settings, "storage")
    async with engine.begin() as connection:
        return await connection.run_sync(work)


def _role_passwords(settings: StorageSettings) -> Mapping[str, str]:
    if settings.role_passwords_file is None:
        return {}
    try:
        passwords = json.loads(Path(settings.role_passwords_file).read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"ROLE_PASSWORDS_FILE={settings.role_passwords_file}: {error}") from None
    return {str(role): str(password) for role, password in passwords.items()}


if __name__ == "__main__":
    main()
