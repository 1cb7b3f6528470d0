"""The platform's database on this machine: its server, its roles' passwords, its tables."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from apps.platform.settings import load
from apps.storage.connection import connect_arguments
from apps.storage.settings import StorageSettings
from devtools.errors import PostgresError
from devtools.postgres import DATABASE, Postgres, embedded_programs
from local.infrastructure import secrets
from local.paths import Paths
from local.plan import HOST, LocalEnvironment
from local.process.children import Program


def server(paths: Paths, port: int) -> Postgres:
    """Return the server, with a folder for each major version: newer programs cannot read older data."""
    programs = embedded_programs()
    major = Postgres(programs, paths.home, port).version.partition(".")[0]
    return Postgres(programs, paths.data(f"postgresql-{major}"), port)


def program(postgres: Postgres, paths: Paths) -> Program:
    """Return the server as a program to keep."""
    return Program(
        name="postgresql",
        command=tuple(postgres.command(die_with_parent=True)),
        log=paths.logs / "postgresql.log",
        ready=f"tcp://{HOST}:{postgres.port}",
        stop_signal=signal.SIGINT,
    )


async def prepare(postgres: Postgres, env: LocalEnvironment, roles: Sequence[str]) -> None:
    """Make the database where it is missing, and a password for each role."""
    passwords = {role: secrets.keep(env.password_file(role), secrets.token).read_text() for role in roles}
    env.role_passwords.unlink(missing_ok=True)
    secrets.keep(env.role_passwords, lambda: json.dumps(passwords))
    connection = await _first_connection(postgres)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()


@asynccontextmanager
async def connected(postgres: Postgres, database: str = DATABASE) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the owner."""
    connection = await _connect(postgres, database)
    try:
        yield connection
    finally:
        await connection.close()


async def _connect(postgres: Postgres, database: str) -> asyncpg.Connection:
    settings = load(StorageSettings, {**postgres.environment(), "DATABASE_NAME": database})
    return await asyncpg.connect(**connect_arguments(settings, "local"))


async def _first_connection(postgres: Postgres, seconds: float = 60) -> asyncpg.Connection:
    # It listens before it has recovered from a crash.
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await _connect(postgres, "postgres")
        except asyncpg.CannotConnectNowError:
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not recover within {seconds:g} s, see its log") from None
            await asyncio.sleep(0.2)
