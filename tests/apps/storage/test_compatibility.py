"""An older release on a newer schema: what a revision may take away, and what the older migration says of it."""

from pathlib import Path

import pytest
from alembic.script import Script

from apps.storage.errors import SchemaTooNewError
from apps.storage.migrate import MigrationResult, migrate
from tests.apps.storage.test_main import logged, run
from tests.support.migrations import history, in_transaction, to
from tests.support.postgres import ROLES, TestDatabase
from tests.support.schema import schema

MADE_UP = """
from alembic import op

revision, down_revision = "made_up", "{head}"
def upgrade():
    for statement in {statements}:
        op.execute(statement)
"""


def broken(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return what code that was written for `before` may miss in `after`, or be refused by it."""
    tables = {name.split()[1].rpartition(".")[0] for name in before if name.startswith("column ")}
    gone = {name for name in before.keys() - after.keys() if not _is_plain_index(before[name])}
    # A function may do its work in another way.
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name] and "function" not in name}
    added = after.keys() - before.keys()
    return sorted(gone | changed | {name for name in added if _refuses_writes(name, after[name], tables)})


def _refuses_writes(name: str, text: str, tables: set[str]) -> bool:
    """Tell whether a new column, constraint or index may refuse a row that is written to one of `tables` as before."""
    kind, _, thing = name.partition(" ")
    if kind == "index":
        return not _is_plain_index(text) and text.split(" ON ")[1].split()[0].removeprefix("public.") in tables
    if thing.rpartition(".")[0] not in tables:
        return False
    return kind == "constraint" or (
        kind == "column" and " NOT NULL" in text and not {"DEFAULT", "IDENTITY"} & {*text.split()}
    )


def _is_plain_index(text: str) -> bool:
    return text.startswith("CREATE INDEX")


async def made_up(database: TestDatabase, folder: Path, *statements: str) -> None:
    """Bring a database to a revision that this release does not know."""
    head = history()[-1].revision
    (folder / "made_up.py").write_text(MADE_UP.format(head=head, statements=statements))
    await in_transaction(database, to("made_up", versions=[folder]))


async def schema_of(database: TestDatabase) -> dict[str, str]:
    connection = await database.connect()
    try:
        return await schema(connection)
    finally:
        await connection.close()


async def execute(database: TestDatabase, statement: str) -> None:
    connection = await database.connect()
    await connection.execute(statement)
    await connection.close()


async def test_a_revision_takes_away_what_older_code_uses_only_where_it_says_since_when_nobody_does(
    empty_database: TestDatabase,
) -> None:
    before: dict[str, str] = {}
    earlier: list[str] = []
    for script in history():
        await in_transaction(empty_database, to(script.revision))
        after = await schema_of(empty_database)
        _check_contract(script, broken(before, after), earlier)
        before = after
        earlier.append(script.revision)


def _check_contract(script: Script, missing: list[str], earlier: list[str]) -> None:
    unread_since = getattr(script.module, "unread_since", None)
    assert not missing or unread_since, (
        f"revision {script.revision} breaks code of the release before it: {', '.join(missing)}. Expand only, or do it "
        'in a later release and write unread_since = "REVISION": the one since which no code uses them'
    )
    assert unread_since is None or unread_since in earlier, (
        f"revision {script.revision}: unread_since = {unread_since!r} is no earlier revision; there are {earlier}"
    )


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("ALTER TABLE devices DROP COLUMN name", ["column devices.name"]),
        ("ALTER TABLE devices RENAME COLUMN name TO title", ["column devices.name"]),
        ("ALTER TABLE devices ALTER COLUMN name SET NOT NULL", ["column devices.name"]),
        ("ALTER TABLE latest_readings ALTER COLUMN value TYPE real", ["column latest_readings.value"]),
        ("ALTER TABLE devices ADD COLUMN site text NOT NULL", ["column devices.site"]),
        ("ALTER TABLE devices ADD CHECK (kind <> '')", ["constraint devices.devices_kind_check"]),
        ("CREATE UNIQUE INDEX devices_name_key ON devices (name)", ["index devices_name_key"]),
        ("DROP INDEX alerts_source_rule_unresolved_key", ["index alerts_source_rule_unresolved_key"]),
        ("DROP FUNCTION drop_partition(text)", ["function drop_partition(text)"]),
        ("ALTER TABLE devices ADD COLUMN site text", []),
        ("ALTER TABLE devices ADD COLUMN site text NOT NULL DEFAULT 'Delft'", []),
        ("CREATE TABLE sites (site text PRIMARY KEY, name text NOT NULL UNIQUE)", []),
        ("CREATE INDEX devices_name_idx ON devices (name)", []),
        ("DROP INDEX alerts_opened_at_idx", []),
    ],
)
async def test_what_breaks_older_code_is_found(
    database: TestDatabase, tmp_path: Path, statement: str, missing: list[str]
) -> None:
    before = await schema_of(database)
    await made_up(database, tmp_path, statement)
    assert broken(before, await schema_of(database)) == missing


async def test_an_older_release_leaves_a_newer_schema_as_it_is_and_keeps_what_it_needs_itself(
    database: TestDatabase, tmp_path: Path
) -> None:
    await made_up(database, tmp_path, "CREATE TABLE sites (site text PRIMARY KEY)", "GRANT SELECT ON sites TO api")
    await execute(database, "REVOKE SELECT ON devices FROM api")
    before = await schema_of(database)
    result = await in_transaction(database, lambda connection: migrate(connection, ROLES, {}))
    assert result == MigrationResult("made_up", "made_up", is_ahead=True)
    assert await schema_of(database) == before
    connection = await database.connect()
    for table in ("devices", "sites"):
        assert await connection.fetchval("SELECT has_table_privilege('api', $1, 'SELECT')", table), table
    await connection.close()
    done = run("apps.migration", database)
    assert done.returncode == 0
    assert logged(done)["the schema is ahead of this release, nothing to do"]["revision"] == "made_up"


@pytest.mark.parametrize(
    "contract", ["UPDATE schema_support SET oldest_revision = 'made_up'", "DROP TABLE schema_support"]
)
async def test_a_schema_that_lacks_what_this_release_uses_is_refused(
    database: TestDatabase, tmp_path: Path, contract: str
) -> None:
    await made_up(database, tmp_path, contract)
    with pytest.raises(SchemaTooNewError, match="only code that knows revision made_up can use"):
        await in_transaction(database, lambda connection: migrate(connection, ROLES, {}))
    done = run("apps.migration", database)
    assert done.returncode == 1
    assert f"this release knows no later one than {history()[-1].revision}: deploy a newer release" in done.stderr


async def test_the_schema_says_whose_code_can_use_it(database: TestDatabase) -> None:
    connection = await database.connect()
    noted = await connection.fetch("SELECT oldest_revision FROM schema_support")
    await connection.close()
    revisions = [script.revision for script in history()]
    marks = {getattr(script.module, "unread_since", revisions[0]) for script in history()}
    assert [row["oldest_revision"] for row in noted] == [max(marks, key=revisions.index)]
