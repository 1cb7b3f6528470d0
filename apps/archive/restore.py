"""Brings days back from the archive into a new database, each reading once, and counts them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import NamedTuple

import asyncpg

from apps.archive import days
from apps.archive.errors import NotCompleteError
from apps.domain.readings import StoredReading
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import ArchivedFile, Manifest, bounds
from apps.storage.archive.parquet import as_tuples, tables
from apps.storage.readings import ensure_partitions, store

log = logging.getLogger(__name__)

BATCH = 5_000
"""Readings that are stored in one transaction."""


class Restored(NamedTuple):
    """How many readings of a day the archive holds, and how many of them were stored and not there already."""

    day: date
    archived: int
    stored: int


async def restore(
    connection: asyncpg.Connection, bucket: Bucket, since: date, until: date | None
) -> AsyncIterator[Restored]:
    """Store every archived day from `since` up to but without `until`, oldest first.

    Raises NotCompleteError for a day whose readings the database dropped while it keeps its rollups, which would count
    them twice, and for one that is not what the archive holds afterwards.
    """
    manifests = await asyncio.to_thread(bucket.manifests)
    for key in sorted(manifests):
        found = await asyncio.to_thread(bucket.manifest, key)
        if found and since <= found[0].day and (until is None or found[0].day < until):
            yield await _restore_day(connection, bucket, *found)


async def _restore_day(connection: asyncpg.Connection, bucket: Bucket, manifest: Manifest, etag: str) -> Restored:
    await _check_rollups(connection, manifest.day)
    stored = 0
    for file in manifest.files:
        async for batch in _batches(bucket, file):
            await ensure_partitions(connection, batch[:1])
            stored += len((await store(connection, batch, judged=False)).stored)
            devices = sorted({reading.device_id for reading in batch})
            await connection.execute(_REGISTER, devices, file.kind)
    wanted = await days.expected(connection, manifest.day)
    total = sum(series.readings for series in wanted.values())
    if total < manifest.rows:
        raise NotCompleteError(f"{manifest.day}: the archive holds {manifest.rows} readings, the database {total}")
    await days.record(connection, manifest, etag)
    log.info(
        "restored a day", extra={"day": str(manifest.day), "archived": manifest.rows, "stored": stored, "there": total}
    )
    return Restored(manifest.day, manifest.rows, stored)


async def _check_rollups(connection: asyncpg.Connection, day: date) -> None:
    (row,) = await connection.fetch(_COUNTS, *bounds(day), timeout=3600)
    counted, stored = row
    if counted != stored:
        raise NotCompleteError(
            f"{day}: the database has {stored} readings of this day and rollups of {counted}: what is missing would be "
            "counted twice; restore into a new database"
        )


async def _batches(bucket: Bucket, file: ArchivedFile) -> AsyncIterator[list[StoredReading]]:
    groups = tables(bucket, file, ["device_id", "metric", "ts", "value", "received_at"])
    while (table := await asyncio.to_thread(next, groups, None)) is not None:
        for batch in table.to_batches(BATCH):
            yield [StoredReading(*row) for row in as_tuples(batch)]


def day(text: str) -> date:
    """Return a day that is written like 2026-11-25, not in the future. Raises ValueError."""
    found = date.fromisoformat(text)
    if found > datetime.now(UTC).date():
        raise ValueError(f"{text} is in the future")
    return found


_REGISTER = """
INSERT INTO devices (device_id, kind) SELECT device_id, $2 FROM unnest($1::text[]) AS seen (device_id)
ON CONFLICT DO NOTHING
"""

_COUNTS = """
SELECT (SELECT coalesce(sum(count), 0)::bigint FROM readings_day WHERE day = $1),
       (SELECT count(*) FROM sensor_readings WHERE ts >= $1 AND ts < $2)
"""
