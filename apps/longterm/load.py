"""Takes reports from the archive's bucket into the database, a month at a time and as a whole."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from apps.longterm.errors import ReportError
from apps.longterm.spark.calendar import first_moment, following
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import REPORTS
from apps.storage.connection import Connection
from apps.storage.report_tables import series_reports

DONE = "_SUCCESS"
"""What Spark writes beside a report once it is there as a whole."""


COLUMNS = [column.name for column in series_reports.columns if column.name != "month"]


class Loaded(NamedTuple):
    """A month that was taken in: of how many readings, with how many series."""

    month: str
    readings: int
    series: int


async def load_due(connection: Connection, bucket: Bucket, months: int) -> AsyncIterator[Loaded]:
    """Take in each of the newest `months` reports that the database has none of, or one of other readings.

    Older ones go. Raises ReportError for a report without a column that is wanted.
    """
    there = (await asyncio.to_thread(reported, bucket))[-months:]
    for month in there:
        day = first_moment(month).date()
        fleet = await asyncio.to_thread(rows, bucket, "fleet", month, ["archived_readings"])
        readings = fleet[0]["archived_readings"] if fleet else 0
        if readings != await connection.fetchval("SELECT readings FROM report_months WHERE month = $1", day):
            series = await asyncio.to_thread(rows, bucket, "series", month, COLUMNS)
            await _replace(connection, day, readings, series)
            yield Loaded(month, readings, len(series))
    if there:
        await _drop_before(connection, first_moment(there[0]).date())


async def newest_end(connection: Connection) -> datetime | None:
    """Return when the newest month ended that the database has a report of; None: it has none."""
    newest: date | None = await connection.fetchval("SELECT max(month) FROM report_months")
    return first_moment(following(f"{newest:%Y-%m}")) if newest else None


def reported(bucket: Bucket) -> list[str]:
    """Return the months that are reported as a whole, oldest first."""
    ends = f"/{DONE}"
    prefix = f"{REPORTS}fleet/month="
    return sorted(key.removeprefix(prefix)[:7] for key in bucket.keys(prefix) if key.endswith(ends))


def rows(bucket: Bucket, report: str, month: str, columns: list[str]) -> list[dict[str, Any]]:
    """Return these columns of a report. Raises ReportError."""
    found: list[dict[str, Any]] = []
    for key in bucket.keys(f"{REPORTS}{report}/month={month}/"):
        if key.endswith(".parquet"):
            file = pq.ParquetFile(io.BytesIO(bucket.s3.get_object(Bucket=bucket.name, Key=key)["Body"].read()))
            if missing := sorted(set(columns) - set(file.schema_arrow.names)):
                raise ReportError(
                    f"{key} has no {', '.join(missing)}: another release made it; delete "
                    f"{REPORTS}fleet/month={month}/, and the next run of Spark makes it again (docs/longterm.md)"
                )
            found += file.read(columns).to_pylist()
    return found


async def _replace(connection: Connection, month: date, readings: int, series: Iterable[dict[str, Any]]) -> None:
    async with connection.transaction():
        await connection.execute("DELETE FROM report_months WHERE month = $1", month)
        await connection.execute("DELETE FROM series_reports WHERE month = $1", month)
        await connection.execute("INSERT INTO report_months (month, readings) VALUES ($1, $2)", month, readings)
        await connection.copy_records_to_table(
            "series_reports",
            columns=["month", *COLUMNS],
            records=[(month, *(row[name] for name in COLUMNS)) for row in series],
        )


async def _drop_before(connection: Connection, month: date) -> None:
    await connection.execute("DELETE FROM report_months WHERE month < $1", month)
    await connection.execute("DELETE FROM series_reports WHERE month < $1", month)
