"""Migrations: from nothing, again, by two at once; and what each role may do."""

import asyncio

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from apps.platform.settings import load
from apps.storage.__main__ import main
from apps.storage.connection import create_engine
from apps.storage.migrate import MIGRATIONS, migrate
from apps.storage.roles import GRANTS
from apps.storage.settings import StorageSettings
from apps.storage.tables import metadata
from tests.support.postgres import TestDatabase

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


async def in_transaction(database, work):
    async with create_engine(load(StorageSettings, database.environment()), "test").begin() as connection:
        return await connection.run_sync(work)


async def test_two_migrations_at_once_both_end_well(database: TestDatabase):
    def again(connection):
        return migrate(connection, {})

    results = await asyncio.gather(in_transaction(database, again), in_transaction(database, again))
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert {result.before for result in results} == {result.after for result in results} == {head}


async def test_each_role_holds_exactly_its_grants(database: TestDatabase):
    connection = await database.connect()
    for role, grants in GRANTS.items():
        for table in metadata.tables:
            held = {
                p
                for p in PRIVILEGES
                if await connection.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, p)
            }
            assert held == set(filter(None, grants.get(table, "").split(", "))), f"{role} on {table}"
    await connection.close()


async def test_a_grant_that_is_no_longer_declared_is_taken_away(database: TestDatabase):
    connection = await database.connect()
    await connection.execute("GRANT DELETE ON sensor_readings TO api")
    await in_transaction(database, lambda c: migrate(c, {}))
    assert not await connection.fetchval("SELECT has_table_privilege('api', 'sensor_readings', 'DELETE')")
    await connection.close()


async def test_a_second_open_alert_of_the_same_source_and_rule_is_refused(database: TestDatabase):
    connection = await database.connect("detector")
    insert = "INSERT INTO alerts (source, rule, severity, message, state) VALUES ('s', 'r', 'info', 'm', $1)"
    await connection.execute(insert, "resolved")
    await connection.execute(insert, "open")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(insert, "acknowledged")
    await connection.close()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE_HOST": ""}, "DATABASE_HOST is not set"),
        ({"DATABASE_PORT": "99999"}, "DATABASE_PORT='99999'"),
        ({"DATABASE_AUTH": "iam"}, "DATABASE_CA_FILE is not set"),
        ({"ROLE_PASSWORDS_FILE": "/nowhere"}, "ROLE_PASSWORDS_FILE=/nowhere"),
    ],
)
def test_wrong_settings_end_the_command_with_a_line_that_names_them(variables, said, monkeypatch, capsys):
    sane = {"DATABASE_HOST": "127.0.0.1", "DATABASE_USER": "owner"}
    for name, value in (sane | variables).items():
        monkeypatch.setenv(name, value)
    assert exit_code("migrate") == 2
    assert said in capsys.readouterr().err


def exit_code(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_a_database_that_is_not_there_is_said_in_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "password").write_text("x")
    variables = {"HOST": "127.0.0.1", "PORT": "1", "USER": "owner", "AUTH": "password"}
    for name, value in (variables | {"PASSWORD_FILE": str(tmp_path / "password")}).items():
        monkeypatch.setenv(f"DATABASE_{name}", value)
    assert exit_code("list") == 1
    assert "storage: 127.0.0.1:1/sensors as owner: " in capsys.readouterr().err
