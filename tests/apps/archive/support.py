"""Readings of some days, and what the archive holds of them."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import asyncpg

from apps.domain.readings import StoredReading
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import Manifest, manifest_key
from apps.storage.archive.parquet import tables
from apps.storage.readings import ensure_partitions, store
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

DAY = date(2026, 11, 24)
NEXT = date(2026, 11, 25)
START = datetime(2026, 11, 24, tzinfo=UTC)
BEFORE = datetime(2026, 11, 26, tzinfo=UTC)
"""When both days are over."""

EDGES = (0.0, -0.0, 5e-324, -1e300, 1e300, 0.1)


class Row(NamedTuple):
    """A reading as it lies in the table and in a file."""

    device_id: str
    metric: str
    ts: datetime
    value: float
    received_at: datetime
    stored_at: datetime


def settings_of(database: TestDatabase, server: KinesisServer, bucket: str) -> dict[str, str]:
    """What a process of the archive reads."""
    more = {"ARCHIVE_BUCKET": bucket, "PUSHGATEWAY_URL": "http://127.0.0.1:9", "FILE_MIB": "1"}
    return database.environment("archive") | server.environment() | more


async def fill(owner: asyncpg.Connection, readings: int = 400) -> None:
    """Store readings of both days, from the first moment to the last, of two kinds of devices and of an unknown one."""
    await owner.execute(
        "INSERT INTO devices (device_id, kind) VALUES ('a', 'pump'), ('B', 'pump'), ('c-1', 'fan')"
        " ON CONFLICT DO NOTHING"
    )
    rng = random.Random(7)
    seconds = {0.0, 86_399.999999, 86_400.0, *(rng.uniform(0, 172_800) for _ in range(readings // 8))}
    created = [
        StoredReading(device, metric, START + timedelta(seconds=second), rng.choice((*EDGES, rng.gauss(20, 3))), START)
        for device in ("a", "B", "c-1", "unregistered")
        for metric in ("humidity", "temperature")
        for second in seconds
    ]
    await ensure_partitions(owner, created)
    await store(owner, created)


async def in_database(connection: asyncpg.Connection, day: date) -> list[Row]:
    """Return the readings of a day as the database holds them, in the order of their key by bytes."""
    rows = await connection.fetch(
        "SELECT device_id, metric, ts, value, received_at, stored_at FROM sensor_readings"
        ' WHERE (ts AT TIME ZONE \'UTC\')::date = $1 ORDER BY device_id COLLATE "C", metric COLLATE "C", ts',
        day,
    )
    return [Row(*row) for row in rows]


def manifest(bucket: Bucket, day: date) -> Manifest:
    """Return the manifest of a day that is final."""
    found = bucket.manifest(manifest_key(day))
    assert found is not None, day
    return found[0]


def in_archive(bucket: Bucket, day: date) -> list[Row]:
    """Return the readings of a day as its files hold them, each file's as they lie there."""
    return sorted(
        (
            Row(*row.values())
            for file in manifest(bucket, day).files
            for table in tables(bucket, file)
            for row in table.to_pylist()
        ),
        key=lambda row: (row.device_id.encode(), row.metric, row.ts),
    )
