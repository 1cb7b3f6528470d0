"""Bring the schema, the roles and their grants up to date. Safe to run again, and by two at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.command import upgrade
from alembic.config import Config

from apps.platform.needs import DatabaseRole
from apps.storage.roles import grant

LOCK = 7_341_905_110
"""Advisory lock: the second of two migrations waits for the first."""

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """Revisions before and after; None is an empty database."""

    before: str | None
    after: str | None


def migrate(connection: sa.Connection, roles: Iterable[DatabaseRole], passwords: Mapping[str, str]) -> MigrationResult:
    """Migrate to the newest revision and create the roles with their grants, all in the caller's transaction.

    `roles`: as the catalogue declares them. `passwords`: by role, for a database without IAM.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    before = _revision(connection)
    upgrade(alembic_config(connection), "head")
    grant(connection, roles, passwords)
    return MigrationResult(before, _revision(connection))


def alembic_config(connection: sa.Connection) -> Config:
    """Return what Alembic's commands take: our migrations, carried out on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision
