"""The schema's history: frozen, leading to the tables as they are now, forwards and back with data in them."""

import ast
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from apps.storage.migrate import MIGRATIONS, migrate
from apps.storage.tables import metadata
from tests.support.migrations import in_transaction, to
from tests.support.postgres import ROLES, TestDatabase
from tests.support.schema import schema, tables

T = TypeVar("T")

SCHEMAS = {path.stem: path.read_text() for path in (Path(__file__).parent / "schemas").glob("*.sql")}
"""The schema of each release, by its last revision."""

NOW = datetime(2026, 11, 23, tzinfo=UTC)

MADE_UP = """
from alembic import op
import sqlalchemy as sa

revision, down_revision = "made_up", "{head}"
def upgrade():
    op.add_column("devices", sa.Column("site", sa.Text, server_default="Delft"))
    op.add_column("sensor_readings", sa.Column("quality", sa.Integer))
def downgrade():
    op.drop_column("sensor_readings", "quality")
    op.drop_column("devices", "site")
"""


LATER = {
    "api_keys": "INSERT INTO api_keys (key_id, key_hash, name, scopes, owner) VALUES ('k', '\\x00', 'n', '{}', 'o')",
    "audit_events": "INSERT INTO audit_events (actor, address, action, subject) VALUES ('a', 'b', 'c', 'd')",
    "sessions": "INSERT INTO sessions VALUES ('h', 's', 'n', '{g}', now(), now())",
    "device_credentials": "INSERT INTO device_credentials (credential_id, device_id, digest, created_by, version)"
    " VALUES ('c', 'd', '\\x00', 'operator', 1)",
    "credential_changes": "INSERT INTO credential_changes VALUES (7)",
    "credential_uses": "INSERT INTO credential_uses VALUES ('c', now(), now())",
    "upload_generations": "INSERT INTO upload_generations VALUES ('d', 1, now(), 1)",
    "fleet_keys": "INSERT INTO fleet_keys (key_id, name, digest, kinds, labels, max_devices, created_by, expires_at)"
    " VALUES ('k', 'n', '\\x00', '{}', '{}', 1, 'operator', now())",
    "alert_notifications": "INSERT INTO alert_notifications (alert_id) SELECT alert_id FROM alerts",
    "device_claims": "INSERT INTO device_claims (device_id, digest) VALUES ('d', '\\x00')",
    "archive_days": "INSERT INTO archive_days (day, version, rows, etag) VALUES ('2026-11-01', 1, 0, 'e')",
    "series_reports": "INSERT INTO series_reports (month, device_id, metric, kind, readings, gaps, longest_gap_seconds,"
    " silent_seconds, availability, longest_same_seconds, findings)"
    " VALUES ('2026-10-01', 'd', 'm', 'k', 1, 0, 0, 0, 1, 0, '{}')",
    "report_months": "INSERT INTO report_months (month, readings) VALUES ('2026-10-01', 1)",
    "series_forecasts": "INSERT INTO series_forecasts (device_id, metric, made_at, first_hour, expected, model,"
    " model_version, tested_at, margin, coverage) VALUES ('d', 'm', now(), now(), '{1}', 'naive', '1', now(), 1, 1)",
    "forecast_runs": "INSERT INTO forecast_runs VALUES (0, now(), 0, now())",
    "rules": "INSERT INTO rules (rule_id, version, spec, updated_by) VALUES ('r', 1, '{}', 'a')",
    "reading_log": "INSERT INTO reading_log (partition, readings) VALUES (0, '\\x00')",
    "rule_partitions": "INSERT INTO rule_partitions (partition) VALUES (0)",
    "rule_versions": "INSERT INTO rule_versions (rule_id, version, spec, changed_by) VALUES ('r', 1, '{}', 'a')",
    "viewing_links": "INSERT INTO viewing_links (link_id, digest, name, every_seconds, created_by)"
    " VALUES ('l', '\\x00', 'n', 20, 'a')",
}
"""What fills each table that not every release has."""


async def read(database: TestDatabase, what: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    connection = await database.connect()
    try:
        return await what(connection)
    finally:
        await connection.close()


async def fill(connection: asyncpg.Connection) -> None:
    """Store what every table holds: an upgrade must keep it."""
    await connection.execute("SELECT ensure_partition($1)", NOW)
    await connection.execute("INSERT INTO devices (device_id, kind, labels) VALUES ('d', 'pump', '{wet}')")
    for table, time in (("sensor_readings", "ts"), ("latest_readings", "ts")):
        insert = f"INSERT INTO {table} (device_id, metric, {time}, value, received_at) VALUES ('d', 'm', $1, 1, $1)"
        await connection.execute(insert, NOW)
    await connection.execute("INSERT INTO readings_minute VALUES ('d', 'm', $1, 1, 1, 1, 1)", NOW)
    await connection.execute(
        "INSERT INTO rejected_records (stream, shard_id, sequence_number, position, reason, payload)"
        "VALUES ('s', 'shard', '1', 0, 'r', 'p')"
    )
    await connection.execute("INSERT INTO shard_leases (stream, shard_id, checkpoint) VALUES ('s', 'shard', '1')")
    alert = await connection.fetchval(
        "INSERT INTO alerts (source, rule, severity, message) VALUES ('s', 'r', 'info', 'm') RETURNING alert_id"
    )
    await connection.execute("INSERT INTO alert_events (alert_id, actor, action) VALUES ($1, 'a', 'open')", alert)
    await connection.execute(
        "INSERT INTO detector_memory (signal, model, model_version, memory) VALUES ('s', 'm', '1', '{}')"
    )
    for table, insert in LATER.items():
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table):
            await connection.execute(insert)


async def contents(connection: asyncpg.Connection) -> dict[str, list[Any]]:
    """Return every row of every table but those of the migration, as JSON without what is null."""
    names = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        "AND NOT relispartition AND relname NOT IN ('alembic_version', 'schema_support') ORDER BY 1"
    )
    return {
        name: await connection.fetch(f"SELECT jsonb_strip_nulls(to_jsonb(t)) FROM {name} t ORDER BY 1")
        for (name,) in names
    }


async def test_the_last_revision_is_what_the_tables_say(database: TestDatabase) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found: list[Any] = compare_metadata(context, metadata)
        return found

    assert await in_transaction(database, differences) == []


async def test_the_last_revision_has_every_default_constraint_index_and_partitioning_of_the_tables(
    database: TestDatabase, empty_database: TestDatabase
) -> None:
    await in_transaction(empty_database, metadata.create_all)
    assert await read(database, tables) == await read(empty_database, tables)


@pytest.mark.parametrize("revision", SCHEMAS)
async def test_a_revision_is_still_what_it_was_when_it_was_released(
    empty_database: TestDatabase, revision: str
) -> None:
    await in_transaction(empty_database, to(revision))
    released = await read(empty_database, schema)
    await in_transaction(empty_database, to("base", downgrade))
    assert await read(empty_database, schema) == {}
    connection = await empty_database.connect()
    await connection.execute("DROP TABLE alembic_version")
    await connection.execute(SCHEMAS[revision])
    await connection.close()
    assert await read(empty_database, schema) == released


@pytest.mark.parametrize("revision", SCHEMAS)
async def test_a_database_of_an_older_release_with_data_is_migrated_and_keeps_them(
    database: TestDatabase, empty_database: TestDatabase, revision: str
) -> None:
    connection = await empty_database.connect()
    await connection.execute(SCHEMAS[revision])
    await fill(connection)
    before = await contents(connection)
    result = await in_transaction(empty_database, lambda connection: migrate(connection, ROLES, {}))
    assert result.before == revision
    assert await read(empty_database, schema) == await read(database, schema)
    after = await contents(connection)
    await connection.close()
    assert all(before.values())
    for table, rows in before.items():
        assert len(after[table]) == len(rows), table


async def test_a_new_revision_is_applied_to_a_database_with_data_and_taken_back(
    database: TestDatabase, tmp_path: Path
) -> None:
    with_head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert with_head is not None
    (tmp_path / "made_up.py").write_text(MADE_UP.format(head=with_head))
    connection = await database.connect()
    await fill(connection)
    before, rows = await read(database, schema), await contents(connection)
    await in_transaction(database, to("made_up", versions=[tmp_path]))
    assert (await read(database, schema)).keys() - before.keys() == {
        "column devices.site",
        "column sensor_readings.quality",
    }
    assert await connection.fetchval("SELECT site FROM devices") == "Delft"
    await in_transaction(database, to(with_head, downgrade, versions=[tmp_path]))
    assert await read(database, schema) == before
    assert await contents(connection) == rows
    await connection.close()


def test_the_schema_of_every_earlier_revision_is_kept() -> None:
    earlier = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][1:]
    missing = set(earlier) - SCHEMAS.keys()
    assert not missing, f"write tests/apps/storage/schemas/<revision>.sql with pg_dump, as 0001.sql says: {missing}"


def test_no_revision_imports_what_changes() -> None:
    """A revision that is made of today's tables makes another schema tomorrow, and on fresh databases only."""
    for path in (MIGRATIONS / "versions").glob("*.py"):
        imported = {
            name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or "."] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            )
        }
        assert {name.partition(".")[0] for name in imported} <= {"alembic", "sqlalchemy"}, path
