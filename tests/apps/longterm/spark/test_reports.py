"""Reports of months: what Spark makes of the archive is what plain SQL says of the same readings."""

from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

import asyncpg
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from apps.api.queries.reports import Trouble
from apps.longterm.spark import archive as archive_as_spark_reads_it
from apps.longterm.spark.calendar import first_moment, following
from apps.longterm.spark.errors import ArchiveMissingError, UnknownSchemaError
from apps.longterm.spark.health import WORDS
from apps.longterm.spark.reports import MadeReports, make_due
from apps.storage.archive import manifest
from apps.storage.readings import ensure_partitions, store
from tests.apps.longterm.spark import reference
from tests.apps.longterm.spark.support import (
    BEFORE,
    KINDS,
    LAST_OF_SEPTEMBER,
    MONTH,
    OCTOBER,
    readings,
    write_archive,
)
from tests.support.postgres import TestDatabase

SINCE, UNTIL = first_moment(MONTH), first_moment(following(MONTH))
SECONDS = (UNTIL - SINCE).total_seconds()

MADE = list(readings([LAST_OF_SEPTEMBER, *OCTOBER]))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write_archive(root, MADE, OCTOBER[-1])
    return root


@pytest.fixture(scope="module")
def reports(spark: SparkSession, archive: Path) -> list[MadeReports]:
    return list(make_due(spark, str(archive), str(archive)))


@pytest.fixture
async def stored(database: TestDatabase) -> asyncpg.Connection:
    connection = await database.connect()
    await connection.executemany("INSERT INTO devices (device_id, kind) VALUES ($1, $2)", list(KINDS.items()))
    await ensure_partitions(connection, MADE)
    await store(connection, MADE)
    return connection


def report(root: Path, name: str, month: str = MONTH) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the rows of a report by what they are of."""
    keys = {"series": ("device_id", "metric"), "seasons": ("device_id", "metric", "hour_of_week"), "fleet": ("kind",)}
    rows = pq.read_table(root / "reports" / name / f"month={month}").to_pylist()
    return {tuple(row[key] for key in keys[name]): row for row in rows}


def rounded(row: dict[str, Any], names: list[str]) -> list[Any]:
    return [_rounded(row[name]) for name in names]


async def test_the_figures_of_each_series_are_those_of_sql(
    archive: Path, reports: list[MadeReports], stored: asyncpg.Connection
) -> None:
    expected = [dict(row) for row in await stored.fetch(reference.FIGURES, SINCE, UNTIL)]
    assert len(expected) == 6
    found = report(archive, "series")
    same = [name for name in expected[0] if not name.startswith("inner")]
    for row in expected:
        assert rounded(found[row["device_id"], row["metric"]], same) == rounded(row, same)


async def test_drift_against_peers_is_that_of_sql(
    archive: Path, reports: list[MadeReports], stored: asyncpg.Connection
) -> None:
    expected = [dict(row) for row in await stored.fetch(reference.DRIFTS, SINCE, UNTIL)]
    assert {row["device_id"] for row in expected} == {"sound-1", "sound-2", "drifting", "stuck"}
    for row in expected:
        assert rounded(report(archive, "series")[row["device_id"], row["metric"]], list(row)) == rounded(row, list(row))


async def test_what_is_usual_at_each_hour_of_the_week_is_that_of_sql(
    archive: Path, reports: list[MadeReports], stored: asyncpg.Connection
) -> None:
    expected = [dict(row) for row in await stored.fetch(reference.SEASONS, SINCE, UNTIL)]
    found = report(archive, "seasons")
    assert len(found) == len(expected)
    for row in expected:
        assert found[row["device_id"], row["metric"], row["hour_of_week"]] == row


async def test_silence_counts_at_both_ends_and_in_between(
    archive: Path, reports: list[MadeReports], stored: asyncpg.Connection
) -> None:
    inner = {row["device_id"]: row for row in await stored.fetch(reference.FIGURES, SINCE, UNTIL)}
    found = report(archive, "series")
    alone = found["alone", "temperature"]
    head = (alone["first_ts"] - SINCE).total_seconds()
    assert alone["gaps"] == inner["alone"]["inner_gaps"] + 1 == 2, "it was known in September: its first day is missing"
    assert alone["gap_seconds"] == pytest.approx(inner["alone"]["inner_gap_seconds"] + head)
    assert alone["availability"] == pytest.approx(1 - alone["gap_seconds"] / SECONDS)
    once = found["once", "level"]
    assert (once["observed_seconds"], once["gaps"], once["availability"]) == (43_200, 0, 1), "nobody knew it before"
    gone = found["gone", "temperature"]
    assert (gone["readings"], gone["gaps"], gone["gap_seconds"], gone["availability"]) == (0, 1, SECONDS, 0)
    assert ("gone", "temperature") in report(archive, "series", BEFORE)


def test_findings_name_what_is_wrong_and_nothing_else(archive: Path, reports: list[MadeReports]) -> None:
    assert {device: row["findings"] for (device, _), row in report(archive, "series").items()} == {
        "sound-1": [],
        "sound-2": [],
        "drifting": ["drifting"],
        "stuck": ["stuck"],
        "gone": ["silent", "gaps"],
        "alone": ["gaps"],
        "once": [],
    }
    fleet = report(archive, "fleet")
    pumps = fleet[("pump",)]
    assert [pumps[name] for name in ("devices", "silent", "gaps", "stuck", "drifting")] == [5, 1, 1, 1, 1]
    assert sum(row["readings"] for row in fleet.values()) == pumps["archived_readings"]


def test_a_month_is_reported_once_it_is_over_and_again_when_its_readings_changed(
    spark: SparkSession, tmp_path: Path
) -> None:
    root, bucket = tmp_path / "archive", str(tmp_path / "archive")
    write_archive(root, MADE, OCTOBER[-2])
    assert [written.month for written in make_due(spark, bucket, bucket)] == [BEFORE], "a day of October is not final"
    write_archive(root, MADE, OCTOBER[-1])
    assert [written.month for written in make_due(spark, bucket, bucket)] == [MONTH]
    assert list(make_due(spark, bucket, bucket)) == []
    write_archive(root, [reading for reading in MADE if reading.device_id != "sound-1"], OCTOBER[-1])
    assert [written.month for written in make_due(spark, bucket, bucket)] == [BEFORE, MONTH], "a device was forgotten"
    assert ("sound-1", "temperature") not in report(root, "series")


def test_spark_says_the_words_that_the_api_knows_of_files_that_the_archive_writes() -> None:
    assert get_args(Trouble) == WORDS
    assert archive_as_spark_reads_it.SCHEMA_VERSION == manifest.SCHEMA_VERSION


def test_an_archive_that_cannot_be_read_is_told(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ArchiveMissingError, match=r"no day is final in .*: let `python -m apps.archive` run first"):
        list(make_due(spark, str(tmp_path), str(tmp_path)))
    write_archive(tmp_path, MADE[:10], date(2026, 12, 31))
    manifest = next((tmp_path / "manifests").iterdir())
    manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(UnknownSchemaError, match="schema version 2, and this release reads 1"):
        list(make_due(spark, str(tmp_path), str(tmp_path)))


def _rounded(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    return pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
