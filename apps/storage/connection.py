"""Connecting to PostgreSQL: a fresh RDS token for each connection, and a verified certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import boto3
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from apps.platform.errors import ConfigurationError
from apps.platform.settings import DatabaseSettings, PoolSettings

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

T = TypeVar("T")


def connect_arguments(settings: DatabaseSettings, application: str) -> dict[str, Any]:
    """Return the keyword arguments of `asyncpg.connect` and `asyncpg.create_pool`.

    Raises ConfigurationError when the settings do not say how to prove who connects.
    """
    return {
        "host": settings.database_host,
        "port": settings.database_port,
        "database": settings.database_name,
        "user": settings.database_user,
        "ssl": _tls(settings),
        "timeout": 10,
        "command_timeout": 60,
        "server_settings": {"application_name": application, "timezone": "UTC"},
        **_password(settings),
    }


@asynccontextmanager
async def connected(settings: DatabaseSettings, application: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection of its own, and close it: for a job, which has one and needs no pool."""
    connection = await asyncpg.connect(**connect_arguments(settings, application))
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def create_pool(settings: PoolSettings, application: str, **options: Any) -> asyncpg.Pool:
    """Return a pool of at most `database_connections`. It opens connections when they are first wanted."""
    arguments = {"min_size": 0, "max_size": settings.database_connections, "max_inactive_connection_lifetime": 300}
    pool = asyncpg.create_pool(**connect_arguments(settings, application), **(arguments | options))
    await pool
    return pool


def create_engine(settings: DatabaseSettings, application: str) -> AsyncEngine:
    """Return a SQLAlchemy engine for work that is not in a hurry: migrations and maintenance."""
    arguments = connect_arguments(settings, application)
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(**arguments), poolclass=sa.NullPool
    )


async def in_transaction(settings: DatabaseSettings, work: Callable[[sa.Connection], T]) -> T:
    """Do `work` on a connection of its own, all of it or none."""
    async with create_engine(settings, "storage").begin() as connection:
        return await connection.run_sync(work)


def _tls(settings: DatabaseSettings) -> ssl.SSLContext | bool:
    if settings.database_ca_file is None:
        if settings.database_auth == "iam":
            raise ConfigurationError(
                "DATABASE_CA_FILE is not set: a token is sent only to a server whose certificate was verified"
            )
        return False
    try:
        return ssl.create_default_context(cafile=str(settings.database_ca_file))
    except OSError as error:
        raise ConfigurationError(f"DATABASE_CA_FILE={settings.database_ca_file}: {error.strerror or error}") from None


def _password(settings: DatabaseSettings) -> dict[str, Any]:
    if settings.database_auth == "password":
        path = settings.database_password_file
        if path is None:
            raise ConfigurationError("DATABASE_PASSWORD_FILE is not set; DATABASE_AUTH=password needs it")
        return {"password": lambda: path.read_text().strip()}
    rds: RDSClient = boto3.client("rds", region_name=settings.aws_region)

    async def token() -> str:
        return await asyncio.to_thread(
            rds.generate_db_auth_token, settings.database_host, settings.database_port, settings.database_user
        )

    return {"password": token}
