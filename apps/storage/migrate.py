"""Bring the schema, the roles and their grants up to date. Safe to run again, by two at once, and by an older release.

A release that is taken back meets the schema of the newer one. It runs on it as long as the schema still has what its
code uses: the table `schema_support` names the oldest revision whose code does, and a release that knows that revision
leaves the schema as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.command import upgrade
from alembic.config import Config
from alembic.script import ScriptDirectory

from apps.platform.needs import DatabaseRole
from apps.storage.errors import SchemaTooNewError
from apps.storage.roles import grant
from apps.storage.tables import schema_support

LOCK = 7_341_905_110
"""Advisory lock: the second of two migrations waits for the first."""

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """Revisions before and after; None is an empty database.

    `is_ahead`: the schema is of a newer release and was left as it is.
    """

    before: str | None
    after: str | None
    is_ahead: bool = False


def migrate(connection: sa.Connection, roles: Iterable[DatabaseRole], passwords: Mapping[str, str]) -> MigrationResult:
    """Migrate to the newest revision and create the roles with their grants, all in the caller's transaction.

    `roles`: as the catalogue declares them. `passwords`: by role, for a database without IAM. A schema of a newer
    release is left as it is, and so are the grants beyond those of `roles`. Raises SchemaTooNewError when it lacks what
    this release uses.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    config, before = alembic_config(connection), _revision(connection)
    history = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if before is not None and before not in history:
        _check_supported(connection, before, history)
        grant(connection, roles, passwords, revoke=False)
        return MigrationResult(before, before, is_ahead=True)
    upgrade(config, "head")
    _note_support(connection, ScriptDirectory.from_config(config))
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


def _check_supported(connection: sa.Connection, revision: str, history: list[str]) -> None:
    oldest = None
    if sa.inspect(connection).has_table(schema_support.name):
        oldest = connection.scalar(sa.select(schema_support.c.oldest_revision))
    if oldest not in history:
        raise SchemaTooNewError(
            f"the schema is at revision {revision}, which only code that knows revision {oldest or revision} can use; "
            f"this release knows no later one than {history[0]}: deploy a newer release"
        )


def _note_support(connection: sa.Connection, scripts: ScriptDirectory) -> None:
    history = list(scripts.walk_revisions())[::-1]
    position = {script.revision: number for number, script in enumerate(history)}
    unread_since = [getattr(script.module, "unread_since", history[0].revision) for script in history]
    connection.execute(sa.delete(schema_support))
    oldest = max(unread_since, key=position.__getitem__)
    connection.execute(sa.insert(schema_support).values(oldest_revision=oldest))
