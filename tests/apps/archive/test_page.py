"""The questions of docs/archive.md answer as the database does, as they stand on the page."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import pandas as pd
import pytest
import sqlglot
from sqlglot import exp

from apps.archive.archiver import Archiver
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import ArchivedFile, Manifest
from apps.storage.archive.parquet import SCHEMA
from apps.storage.readings import store
from tests.apps.archive.support import BEFORE, fill
from tests.apps.archive.test_archiver import late

PAGE = (Path(__file__).parents[3] / "docs" / "archive.md").read_text()
QUESTION = "SELECT metric, count(*), avg(value) FROM sensor_readings GROUP BY metric"

Answer = dict[str, tuple[int, Any]]


def block(after: str) -> str:
    """The code that follows a paragraph of the page."""
    found = re.search(rf"^{after}[^`]*(?:`[^`\n]+`[^`]*)*```\w+\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, after
    return found[1]


@pytest.fixture
async def copied(archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection, tmp_path: Path) -> Path:
    """The bucket on this machine, as `aws s3 sync` brings it: with files that no manifest names any more."""
    await fill(owner)
    # An average of values that are so far apart depends on the order in which they are added.
    await owner.execute("DELETE FROM sensor_readings WHERE abs(value) > 1000")
    await archiver.run(BEFORE)
    await store(owner, [late(17)])
    await archiver.run(BEFORE)
    keys = bucket.keys("")
    assert len(keys) > len({key.rpartition("/")[0] for key in keys}) + 1
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(bucket.s3.get_object(Bucket=bucket.name, Key=key)["Body"].read())
    return tmp_path


async def answer_of(owner: asyncpg.Connection) -> Answer:
    return {row[0]: (row[1], pytest.approx(row[2])) for row in await owner.fetch(QUESTION)}


def as_answer(rows: list[Any]) -> Answer:
    return {metric: (int(count), float(mean)) for metric, count, mean in rows}


async def test_duckdb(copied: Path, owner: asyncpg.Connection) -> None:
    (secret, *statements) = [text for text in block("DuckDB, with").split(";") if text.strip()]
    assert secret.startswith("CREATE SECRET (TYPE s3")  # for S3 itself
    connection = duckdb.connect()
    for statement in statements:
        found = connection.execute(statement.replace("s3://BUCKET/", f"{copied}/"))
    assert as_answer(found.fetchall()) == await answer_of(owner)


async def test_pandas(copied: Path, owner: asyncpg.Connection) -> None:
    names: dict[str, Any] = {}
    exec(block("pandas:").replace("s3://BUCKET/", f"{copied}/"), names)
    found: pd.DataFrame = names["answer"]
    assert as_answer(list(found.itertuples())) == await answer_of(owner)


async def test_athena(copied: Path, owner: asyncpg.Connection) -> None:
    text = block("Athena, with")
    query = sqlglot.parse_one(text, dialect="athena")
    assert {table.name for table in query.find_all(exp.Table)} == {"readings", "manifests"}
    columns = {*SCHEMA.names, "day", "kind", "$path", *Manifest.__struct_fields__, *ArchivedFile.__struct_fields__}
    assert {column.name for column in query.find_all(exp.Column)} <= columns
    # DuckDB reads the same SQL but for how a list of records becomes rows.
    unnested = "(SELECT day::text AS day, unnest(files) AS file FROM manifests) AS manifests"
    text, replaced = re.subn(r"manifests CROSS JOIN UNNEST\(files\) AS file \([^)]*\)", unnested, text)
    assert replaced == 1
    connection = duckdb.connect()
    connection.execute(
        f'CREATE VIEW readings AS SELECT * EXCLUDE (day), day::text AS day, filename AS "$path" '
        f"FROM read_parquet('{copied}/readings/*/*/*.parquet', hive_partitioning = true, filename = true)"
    )
    connection.execute(f"CREATE VIEW manifests AS SELECT * FROM read_json('{copied}/manifests/*.json')")
    found = connection.execute(text.replace("s3://BUCKET/", f"{copied}/"))
    assert as_answer(found.fetchall()) == await answer_of(owner)


async def test_a_manifest_is_one_line_as_sql_over_json_wants_it(copied: Path) -> None:
    assert {text.count("\n") for text in _manifests(copied)} == {1}


def _manifests(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.glob("manifests/*.json")]
