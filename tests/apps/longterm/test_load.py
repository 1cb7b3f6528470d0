"""Reports on their way from the bucket into the database."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import asyncpg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.longterm.errors import ReportError
from apps.longterm.load import COLUMNS, Loaded, load_due, newest_end
from apps.longterm.settings import LongTermSettings
from apps.platform.settings import load
from apps.storage.archive.bucket import Bucket
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

SERIES: dict[str, Any] = {
    "device_id": "pump-1",
    "metric": "temperature",
    "kind": "pump",
    "readings": 10,
    "interval_seconds": 60.0,
    "gaps": 1,
    "longest_gap_seconds": 400.0,
    "silent_seconds": 30.0,
    "availability": 0.9,
    "minimum": 1.0,
    "p05": 2.0,
    "p50": 3.0,
    "p95": 4.0,
    "maximum": 5.0,
    "longest_same_seconds": 60.0,
    "drift": 0.5,
    "findings": ["gaps"],
}


@pytest.fixture
def bucket(database: TestDatabase, ministack: KinesisServer) -> Bucket:
    name = f"archive-{uuid.uuid4().hex[:12]}"
    more = {"ARCHIVE_BUCKET": name, "PUSHGATEWAY_URL": "http://127.0.0.1:9"}
    settings = load(LongTermSettings, database.environment("longterm") | ministack.environment() | more)
    created = Bucket(settings, settings.archive_bucket)
    created.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return created


@pytest.fixture
async def connection(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    created = await database.connect("longterm")
    yield created
    await created.close()


def put(bucket: Bucket, month: str, series: list[dict[str, Any]], readings: int, *, complete: bool = True) -> None:
    """Put a report as Spark leaves it, with a mark beside each part once it is there as a whole."""
    for name, rows in (("series", series), ("fleet", [{"kind": "pump", "archived_readings": readings}])):
        body = BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), body)
        folder = f"reports/{name}/month={month}"
        bucket.s3.put_object(Bucket=bucket.name, Key=f"{folder}/part-00000.snappy.parquet", Body=body.getvalue())
        if complete:
            bucket.s3.put_object(Bucket=bucket.name, Key=f"{folder}/_SUCCESS", Body=b"")


async def taken_in(connection: asyncpg.Connection, bucket: Bucket, months: int = 36) -> list[Loaded]:
    return [loaded async for loaded in load_due(connection, bucket, months)]


async def stored(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch("SELECT * FROM series_reports ORDER BY month, device_id")]


async def test_a_report_is_taken_in_once_and_again_when_it_was_made_anew(
    bucket: Bucket, connection: asyncpg.Connection
) -> None:
    assert await taken_in(connection, bucket) == []
    assert await newest_end(connection) is None
    put(bucket, "2026-10", [SERIES, SERIES | {"device_id": "pump-2"}], readings=20)
    assert await taken_in(connection, bucket) == [("2026-10", 20, 2)]
    assert await stored(connection) == [
        SERIES | {"month": date(2026, 10, 1), "device_id": device} for device in ("pump-1", "pump-2")
    ]
    assert await newest_end(connection) == datetime(2026, 11, 1, tzinfo=UTC)
    assert await taken_in(connection, bucket) == []
    put(bucket, "2026-10", [SERIES], readings=10)
    assert await taken_in(connection, bucket) == [("2026-10", 10, 1)]
    assert [row["device_id"] for row in await stored(connection)] == ["pump-1"]


async def test_a_report_that_is_being_written_is_left(bucket: Bucket, connection: asyncpg.Connection) -> None:
    put(bucket, "2026-10", [SERIES], readings=10, complete=False)
    assert await taken_in(connection, bucket) == []


async def test_only_the_newest_months_are_kept(bucket: Bucket, connection: asyncpg.Connection) -> None:
    for month in ("2026-08", "2026-09"):
        put(bucket, month, [SERIES], readings=10)
    await taken_in(connection, bucket)
    put(bucket, "2026-10", [SERIES], readings=10)
    assert await taken_in(connection, bucket, months=2) == [("2026-10", 10, 1)]
    assert [row["month"] for row in await stored(connection)] == [date(2026, 9, 1), date(2026, 10, 1)]


async def test_a_report_of_another_release_is_told_with_what_to_do(
    bucket: Bucket, connection: asyncpg.Connection
) -> None:
    put(bucket, "2026-10", [{name: SERIES[name] for name in COLUMNS if name != "drift"}], readings=10)
    message = r"has no drift: another release made it; delete reports/fleet/month=2026-10/"
    with pytest.raises(ReportError, match=message):
        await taken_in(connection, bucket)
    assert await stored(connection) == []
