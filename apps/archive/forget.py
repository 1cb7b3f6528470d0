"""Deletes everything that was measured by one device, a person's right: in the database, and in every archived day.

It may end anywhere and be started again.
"""

import asyncio
import logging
from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from apps.archive.archiver import Archiver, version_name
from apps.archive.files import FileWriter, figures
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import REPORTS, ArchivedFile, Manifest
from apps.storage.archive.parquet import tables

log = logging.getLogger(__name__)

DELETE_SECONDS = 3600


class Forgotten(NamedTuple):
    """How many readings were deleted from the database, and from how many archived days how many."""

    stored: int
    days: int
    archived: int


async def forget(archiver: Archiver, device_id: str) -> Forgotten:
    """Delete a device's readings, rollups, newest values, rejected records, reports, forecasts, and rewrite its days.

    The device itself stays registered: the registry is its operator's.
    """
    stored = 0
    for (month,) in await archiver.connection.fetch(_MONTHS):
        done = await archiver.connection.execute(_DELETE_MONTH, device_id, month, timeout=DELETE_SECONDS)
        stored += int(done.rpartition(" ")[2])
    for table in (
        "readings_minute",
        "readings_hour",
        "readings_day",
        "latest_readings",
        "rejected_records",
        "series_reports",
        "series_forecasts",
    ):
        await archiver.connection.execute(_DELETE.format(table), device_id, timeout=DELETE_SECONDS)
    rewritten, archived = set[date](), 0
    for key in sorted(await asyncio.to_thread(archiver.bucket.manifests)):
        found = await asyncio.to_thread(archiver.bucket.manifest, key)
        if found is None:
            continue
        holding = await asyncio.to_thread(_holding, archiver.bucket, found[0], device_id)
        if holding:
            archived += await _rewrite(archiver, *found, holding, device_id)
            rewritten.add(found[0].day)
    await asyncio.to_thread(_delete_reports, archiver.bucket, {f"{day:%Y-%m}" for day in rewritten})
    log.info("forgot a device", extra={"stored": stored, "days": len(rewritten), "archived": archived})
    return Forgotten(stored, len(rewritten), archived)


async def _rewrite(
    archiver: Archiver, manifest: Manifest, etag: str, holding: list[ArchivedFile], device_id: str
) -> int:
    version = manifest.version + 1
    writer = FileWriter(archiver.bucket, manifest.day, version_name(version), archiver.file_bytes)

    def write() -> Manifest:
        for file in holding:
            for table in tables(archiver.bucket, file):
                remaining = table.filter(pc.not_equal(table["device_id"], pa.scalar(device_id)))
                if remaining.num_rows:
                    writer.write(file.kind, remaining)
            writer.finish()
        files = (*(file for file in manifest.files if file not in holding), *writer.files)
        files = tuple(sorted(files, key=lambda file: (file.kind, file.first_device)))
        return Manifest.of(manifest.day, version, files, figures(archiver.bucket, files), archiver.now())

    rewritten = await asyncio.to_thread(write)
    await archiver.publish(rewritten, etag)
    await asyncio.to_thread(archiver.bucket.delete, [file.key for file in holding])
    return manifest.rows - rewritten.rows


def _delete_reports(bucket: Bucket, months: Collection[str]) -> None:
    """Delete what Spark said of months: its next run says it anew, without the device."""
    reports = bucket.keys(REPORTS)
    bucket.delete([key for key in reports if any(f"/month={month}/" in key for month in months)])


def _holding(bucket: Bucket, manifest: Manifest, device_id: str) -> list[ArchivedFile]:
    """Return the files of a day that hold readings of a device."""
    return [
        file
        for file in manifest.files
        if file.first_device <= device_id <= file.last_device
        and any(
            pc.any(pc.equal(table["device_id"], pa.scalar(device_id))).as_py()
            for table in tables(bucket, file, ["device_id"])
        )
    ]


_MONTHS = """
SELECT to_date(right(relname, 7), 'YYYY"m"MM')::timestamp AT TIME ZONE 'UTC' FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'sensor_readings'::regclass ORDER BY 1
"""

# Of the table, not of its partition: the triggers that keep the rollups are the table's.
_DELETE_MONTH = """
DELETE FROM sensor_readings
WHERE device_id = $1 AND ts >= $2 AND ts < ($2 AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
"""
_DELETE = "DELETE FROM {} WHERE device_id = $1"
