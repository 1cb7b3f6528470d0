"""A real PostgreSQL for the tests: version 15 as on RDS where it is installed, else the packaged one."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import sqlalchemy as sa

from apps.catalog import CATALOG
from apps.platform.settings import load
from apps.resources import SENSORS
from apps.storage.connection import connect_arguments, create_engine
from apps.storage.migrate import migrate
from apps.storage.settings import StorageSettings
from devtools.ports import free_port
from devtools.postgres import THROWAWAY, Postgres, embedded_programs

TEMPLATE = "migrated"
ROLES = CATALOG.roles(SENSORS)


@dataclass(frozen=True)
class TestDatabase:
    """A migrated, empty database of its own. The roles' passwords are their names."""

    __test__ = False

    server: Postgres
    name: str

    def environment(self, role: str = "owner") -> dict[str, str]:
        """Return the DATABASE_* variables with which a role connects."""
        environment = self.server.environment() | {"DATABASE_NAME": self.name, "DATABASE_USER": role}
        if role != "owner":
            environment["DATABASE_PASSWORD_FILE"] = str(self.server.folder / f"{role}.password")
        return environment

    async def connect(self, role: str = "owner") -> asyncpg.Connection:
        return await asyncpg.connect(**connect_arguments(load(StorageSettings, self.environment(role)), "test"))


def programs() -> Path:
    """Return the folder of PostgreSQL's programs: 15 where there is one."""
    for folder in (Path("/usr/lib/postgresql/15/bin"), Path("/opt/homebrew/opt/postgresql@15/bin")):
        if (folder / "initdb").exists():
            return folder
    return embedded_programs()


@contextmanager
def running_server(folder: Path) -> Iterator[Postgres]:
    server = Postgres(programs(), folder, free_port(), THROWAWAY)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def make_template(server: Postgres) -> None:
    """Migrate one database, from which each test's own is copied."""
    for role in ROLES:
        (server.folder / f"{role.name}.password").write_text(role.name)
    await _as_owner(server, f"CREATE DATABASE {TEMPLATE}")
    settings = load(StorageSettings, server.environment() | {"DATABASE_NAME": TEMPLATE})
    async with create_engine(settings, "test").begin() as connection:
        await connection.run_sync(_migrate)


async def copy_template(server: Postgres) -> TestDatabase:
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _as_owner(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    await _as_owner(server, *(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {role.name}" for role in ROLES))
    return TestDatabase(server, name)


async def create_empty(server: Postgres) -> TestDatabase:
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _as_owner(server, f"CREATE DATABASE {name}")
    return TestDatabase(server, name)


async def drop_database(database: TestDatabase) -> None:
    await _as_owner(database.server, f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")


async def _as_owner(server: Postgres, *statements: str) -> None:
    settings = load(StorageSettings, server.environment() | {"DATABASE_NAME": "postgres"})
    connection = await asyncpg.connect(**connect_arguments(settings, "test"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _migrate(connection: sa.Connection) -> None:
    migrate(connection, ROLES, {role.name: role.name for role in ROLES})
