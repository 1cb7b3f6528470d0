"""A database brought to any revision of its schema, made-up ones too."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from alembic.command import upgrade
from alembic.script import Script, ScriptDirectory

from apps.platform.settings import load
from apps.storage.connection import create_engine
from apps.storage.migrate import MIGRATIONS, alembic_config
from apps.storage.settings import StorageSettings
from tests.support.postgres import TestDatabase

T = TypeVar("T")


async def in_transaction(database: TestDatabase, work: Callable[[sa.Connection], T]) -> T:
    async with create_engine(load(StorageSettings, database.environment()), "test").begin() as connection:
        return await connection.run_sync(work)


def to(
    revision: str, command: Callable[..., None] = upgrade, versions: Sequence[Path] = ()
) -> Callable[[sa.Connection], None]:
    """Return work that brings a database to a revision; `versions`: more folders of revisions."""

    def work(connection: sa.Connection) -> None:
        config = alembic_config(connection)
        config.set_main_option("path_separator", "os")
        config.set_main_option("version_locations", os.pathsep.join(map(str, (MIGRATIONS / "versions", *versions))))
        command(config, revision)

    return work


def history() -> list[Script]:
    """Return the revisions, the first one first."""
    return list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())[::-1]
