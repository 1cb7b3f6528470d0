"""What people ask of the archive: to forget a device, to bring days back, to check and to list."""

import asyncio
import math
import os
import random
import subprocess
import sys
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from apps.archive import days
from apps.archive.archiver import Archiver
from apps.archive.errors import NotCompleteError
from apps.archive.forget import Forgotten, forget
from apps.archive.restore import restore
from apps.archive.settings import MIB, ArchiveSettings
from apps.detector.sensor_scan import scan_sensors
from apps.domain.readings import StoredReading
from apps.platform.settings import AwsSettings, load
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.errors import ColdFileError
from apps.storage.archive.manifest import folder
from apps.storage.readings import ensure_partitions, store
from devtools.postgres import Postgres
from tests.apps.archive.support import BEFORE, DAY, NEXT, fill, in_archive, in_database, manifest, settings_of
from tests.support import postgres
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase
from tests.support.readings import assert_summaries_agree
from tests.support.s3_proxy import s3_proxy

DAYS = (DAY, NEXT)


async def test_a_forgotten_device_is_nowhere_and_all_others_are_as_they_were(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    before = {day: in_archive(bucket, day) for day in DAYS}
    of_device = sum(row.device_id == "a" for rows in before.values() for row in rows)
    for key in ("reports/fleet/month=2026-11/_SUCCESS", "reports/series/month=2026-10/part-0.parquet"):
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"")
    await owner.execute(
        "INSERT INTO series_forecasts (device_id, metric, made_at, first_hour, expected, model, model_version,"
        " tested_at, margin, coverage) VALUES ('a', 'flow', now(), now(), '{1}', 'naive', '1', now(), 1, 1)"
    )
    assert await forget(archiver, "a") == Forgotten(of_device, 2, of_device)
    for day in DAYS:
        left = [row for row in before[day] if row.device_id != "a"]
        assert in_archive(bucket, day) == left == await in_database(owner, day)
        assert manifest(bucket, day).version == 2
        assert sorted(bucket.keys(folder(day))) == sorted(file.key for file in manifest(bucket, day).files)
    rollups = ("readings_minute", "readings_hour", "readings_day")
    for table in (*rollups, "latest_readings", "rejected_records", "series_forecasts"):
        assert not await owner.fetchval(f"SELECT count(*) FROM {table} WHERE device_id = 'a'")
    assert bucket.keys("reports/") == ["reports/series/month=2026-10/part-0.parquet"], "what was of its month"
    await assert_summaries_agree(owner)
    assert await forget(archiver, "a") == Forgotten(0, 0, 0)
    assert (await archiver.run(BEFORE)).rows == 0, "the days stay final"


async def test_a_device_is_forgotten_in_days_that_the_database_has_dropped(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    await owner.execute("SELECT drop_partition('sensor_readings_y2026m11')")
    done = await forget(archiver, "c-1")
    assert (done.stored, done.days) == (0, 2)
    assert {row.device_id for day in DAYS for row in in_archive(bucket, day)} == {"a", "B", "unregistered"}
    assert (await archiver.run(BEFORE)).failed == 0, "what is left agrees with the rollups that are left"


async def test_the_archive_restores_into_a_new_database(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection, postgres_server: Postgres
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    fresh = await postgres.copy_template(postgres_server)
    connection = await fresh.connect()
    restored = [day async for day in restore(connection, bucket, DAY, None)]
    assert [(day.day, day.archived, day.stored) for day in restored] == [
        (day, manifest(bucket, day).rows, manifest(bucket, day).rows) for day in DAYS
    ]
    for day in DAYS:
        assert [row[:5] for row in await in_database(connection, day)] == [row[:5] for row in in_archive(bucket, day)]
    await assert_summaries_agree(connection)
    # What happened long ago raises no alert: the rules never hear of it.
    assert not await connection.fetchval("SELECT count(*) FROM reading_log")
    kinds = {row["device_id"]: row["kind"] for row in await connection.fetch("SELECT device_id, kind FROM devices")}
    assert kinds == {"a": "pump", "B": "pump", "c-1": "fan", "unregistered": "unknown"}
    # Again, as after an interruption: nothing comes twice. And the next night finds nothing to do.
    assert [day.stored async for day in restore(connection, bucket, NEXT, None)] == [0]
    before = bucket.manifests()
    there = Archiver(connection, bucket, archiver.file_bytes, archiver.now)
    assert (await there.run(BEFORE)).failed == 0
    assert bucket.manifests() == before
    await connection.close()
    await postgres.drop_database(fresh)


async def test_the_detector_has_learnt_from_what_was_restored(
    bucket: Bucket, owner: asyncpg.Connection, postgres_server: Postgres
) -> None:
    now: datetime = await owner.fetchval("SELECT now()")
    fault = now - timedelta(minutes=40)
    midnight = fault.replace(hour=0, minute=0, second=0, microsecond=0)
    past = usual(midnight - timedelta(days=3), midnight)
    await ensure_partitions(owner, past)
    await store(owner, past)
    await Archiver(owner, bucket, MIB, lambda: now).run(midnight)
    # Nothing of the same day before it: from some hours the detector would learn enough by itself.
    today = [reading._replace(value=35) for reading in usual(fault, now)]
    opened = {}
    for restores in (True, False):
        fresh = await postgres.copy_template(postgres_server)
        connection = await fresh.connect()
        if restores:
            assert [day.stored async for day in restore(connection, bucket, date.min, None)] == [288] * 3
        await ensure_partitions(connection, today)
        await store(connection, today)
        await scan_sensors(connection, 300, lambda: True)
        opened[restores] = [row["device_id"] for row in await connection.fetch("SELECT device_id FROM alerts")]
        await connection.close()
        await postgres.drop_database(fresh)
    assert opened == {True: ["a"], False: []}


def usual(since: datetime, until: datetime) -> list[StoredReading]:
    """A value every five minutes, up and down once a day."""
    rng, readings, at = random.Random(1), list[StoredReading](), since
    while at < until:
        value = 20 + 3 * math.sin(at.timestamp() / DAY_RADIANS) + rng.uniform(-0.2, 0.2)
        readings.append(StoredReading("a", "temperature", at, value, at))
        at += timedelta(minutes=5)
    return readings


DAY_RADIANS = 86_400 / math.tau
"""Seconds in which the day goes on by one radian."""


async def test_a_file_that_must_be_restored_first_is_named_with_what_to_do(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection, ministack: KinesisServer
) -> None:
    await fill(owner, readings=80)
    await archiver.run(BEFORE)
    await owner.execute("TRUNCATE sensor_readings, readings_minute, readings_hour, readings_day, archive_days")
    with s3_proxy(ministack.url) as s3:
        behind = Bucket(load(AwsSettings, ministack.environment() | {"AWS_ENDPOINT_URL": s3.url}), bucket.name)
        s3.fault = "cold"
        with pytest.raises(ColdFileError, match=rf"aws s3api restore-object --key {folder(DAY)}.*; then try again"):
            async for _ in restore(owner, behind, DAY, None):
                pass
        assert not await owner.fetchval("SELECT count(*) FROM archive_days")
        s3.fault = None
        assert [day.stored async for day in restore(owner, behind, DAY, None)] == [
            manifest(bucket, day).rows for day in DAYS
        ]


async def test_a_day_of_which_only_rollups_are_left_is_not_counted_twice(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    await owner.execute("SELECT drop_partition('sensor_readings_y2026m11'); SELECT ensure_partition('2026-11-24')")
    with pytest.raises(NotCompleteError, match="would be counted twice; restore into a new database"):
        async for _ in restore(owner, bucket, DAY, None):
            pass


async def test_the_command_does_what_it_says(
    database: TestDatabase,
    ministack: KinesisServer,
    settings: ArchiveSettings,
    bucket: Bucket,
    owner: asyncpg.Connection,
) -> None:
    await fill(owner, readings=80)
    environment = os.environ | settings_of(database, ministack, settings.archive_bucket)

    async def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "apps.archive", *arguments],
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    # Nobody takes its metrics: the run says so, and what is final stays final.
    ran = await run()
    assert (ran.returncode, "ConnectionRefusedError" in ran.stderr or "URLError" in ran.stderr) == (1, True), ran.stderr
    listed, verified = await asyncio.gather(run("list"), run("verify"))
    assert [line.split("\t")[:3] for line in listed.stdout.splitlines()[1:]] == [
        [str(day), "1", str(manifest(bucket, day).rows)] for day in DAYS
    ]
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.count("\tright\t") == 2
    locked = await database.connect("archive")
    assert await days.lock(locked)
    refused = await run("forget", "a")
    assert (refused.returncode, "another process works on the archive" in refused.stderr) == (1, True), refused.stderr
    await locked.close()
    wrong = await run("restore", "--since", "tomorrow")
    assert wrong.returncode == 2
    assert "Invalid isoformat string" in wrong.stderr
    bucket.delete([manifest(bucket, DAY).files[0].key])
    assert (await run("verify")).returncode == 1
