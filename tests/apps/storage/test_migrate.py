"""Migrations: from nothing, again, by two at once; and what each role may do."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from apps import migration
from apps.platform.settings import load
from apps.resources import SENSORS
from apps.storage.__main__ import main
from apps.storage.connection import create_engine
from apps.storage.migrate import MIGRATIONS, MigrationResult, migrate
from apps.storage.settings import StorageSettings
from apps.storage.tables import metadata
from tests.support.postgres import ROLES, TestDatabase

T = TypeVar("T")

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


async def in_transaction(database: TestDatabase, work: Callable[[sa.Connection], T]) -> T:
    async with create_engine(load(StorageSettings, database.environment()), "test").begin() as connection:
        return await connection.run_sync(work)


async def test_two_migrations_at_once_both_end_well(database: TestDatabase) -> None:
    def again(connection: sa.Connection) -> MigrationResult:
        return migrate(connection, ROLES, {})

    results = await asyncio.gather(in_transaction(database, again), in_transaction(database, again))
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert {result.before for result in results} == {result.after for result in results} == {head}


async def test_each_role_holds_exactly_its_grants(database: TestDatabase) -> None:
    connection = await database.connect()
    for role in ROLES:
        for table in metadata.tables:
            held = {
                p
                for p in PRIVILEGES
                if await connection.fetchval("SELECT has_table_privilege($1, $2, $3)", role.name, table, p)
            }
            assert held == set(filter(None, role.grants.get(table, "").split(", "))), f"{role.name} on {table}"
    await connection.close()


def test_grants_may_name_exactly_the_tables_that_there_are() -> None:
    assert SENSORS.tables == metadata.tables.keys()


async def test_grants_may_name_exactly_the_functions_that_there_are(database: TestDatabase) -> None:
    def functions(connection: sa.Connection) -> set[str]:
        # Nobody calls what a trigger calls.
        query = """SELECT oid::regprocedure::text FROM pg_proc
                   WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype"""
        return set(connection.scalars(sa.text(query)))

    found = await in_transaction(database, functions)
    assert found == {function.replace("timestamptz", "timestamp with time zone") for function in SENSORS.functions}


async def test_a_grant_that_is_no_longer_declared_is_taken_away(database: TestDatabase) -> None:
    connection = await database.connect()
    await connection.execute("GRANT DELETE ON sensor_readings TO api")
    await in_transaction(database, lambda c: migrate(c, ROLES, {}))
    assert not await connection.fetchval("SELECT has_table_privilege('api', 'sensor_readings', 'DELETE')")
    await connection.close()


async def test_a_second_open_alert_of_the_same_source_and_rule_is_refused(database: TestDatabase) -> None:
    connection = await database.connect("detector")
    insert = "INSERT INTO alerts (source, rule, severity, message, state) VALUES ('s', 'r', 'info', 'm', $1)"
    await connection.execute(insert, "resolved")
    await connection.execute(insert, "open")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(insert, "acknowledged")
    await connection.close()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DATABASE_HOST": ""}, "DATABASE_HOST is not set"),
        ({"DATABASE_PORT": "99999"}, "DATABASE_PORT='99999'"),
        ({"DATABASE_AUTH": "iam"}, "DATABASE_CA_FILE is not set"),
        ({"ROLE_PASSWORDS_FILE": "/nowhere"}, "ROLE_PASSWORDS_FILE=/nowhere"),
    ],
)
def test_wrong_settings_end_the_command_with_a_line_that_names_them(
    variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sane = {"AWS_REGION": "eu-west-1", "DATABASE_HOST": "127.0.0.1", "DATABASE_USER": "owner"}
    for name, value in (sane | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        migration.main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def exit_code(*arguments: str) -> str | int | None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_a_database_that_is_not_there_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("x")
    variables = {"HOST": "127.0.0.1", "PORT": "1", "USER": "owner", "AUTH": "password"}
    for name, value in (variables | {"PASSWORD_FILE": str(tmp_path / "password")}).items():
        monkeypatch.setenv(f"DATABASE_{name}", value)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert exit_code("list") == 1
    assert "storage: 127.0.0.1:1/sensors as owner: " in capsys.readouterr().err
