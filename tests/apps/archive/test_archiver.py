"""Days in the archive: exactly what the database held, once, and nothing in between."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta

import asyncpg
import pytest

from apps.archive.archiver import Archiver
from apps.archive.settings import ArchiveSettings
from apps.domain.readings import StoredReading
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import READINGS_PREFIX, folder, manifest_key
from apps.storage.archive.parquet import open_file
from apps.storage.readings import store
from tests.apps.archive.support import (
    BEFORE,
    DAY,
    NEXT,
    START,
    Row,
    fill,
    in_archive,
    in_database,
    manifest,
    settings_of,
)
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase


def late(second: float, value: float = 1, device: str = "a") -> StoredReading:
    return StoredReading(device, "temperature", START + timedelta(seconds=second), value, BEFORE)


async def test_a_day_in_the_archive_is_to_the_bit_what_the_database_holds(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    outcome = await archiver.run(BEFORE)
    assert (outcome.final, outcome.failed) == (2, 0)
    for day in (DAY, NEXT):
        held, rows = in_archive(bucket, day), await in_database(owner, day)
        assert held == rows
        assert [str(row.value) for row in held] == [str(row.value) for row in rows], "also the sign of zero"
        found = manifest(bucket, day)
        assert (found.rows, found.version, found.series) == (len(rows), 1, 8)
        assert [file.kind for file in found.files] == ["fan", "pump", "unknown"]
        assert all(file.key.startswith(f"{folder(day)}kind={file.kind}/") for file in found.files)


async def test_files_are_zstd_parquet_sorted_by_device_metric_and_time(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    for file in manifest(bucket, DAY).files:
        parquet = open_file(bucket, file)
        rows = [Row(*row.values()) for row in parquet.read().to_pylist()]
        assert [row[:3] for row in rows] == sorted(row[:3] for row in rows)
        assert parquet.metadata.num_rows == file.rows
        assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
        assert (rows[0].device_id, rows[-1].device_id) == (file.first_device, file.last_device)


async def test_a_day_that_is_not_over_is_left_and_one_that_is_final_is_not_written_again(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    assert (await archiver.run(BEFORE - timedelta(microseconds=1))).final == 1
    assert list(bucket.manifests()) == [manifest_key(DAY)]
    before = bucket.manifests()
    assert (await archiver.run(BEFORE - timedelta(seconds=1))).rows == 0
    assert bucket.manifests() == before


async def test_late_readings_make_a_new_version_of_their_day_alone(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    before, old = bucket.manifests(), [file.key for file in manifest(bucket, DAY).files]
    # A repetition is not late: it changes nothing.
    await store(owner, [late(17), late(17)])
    assert (await archiver.run(BEFORE)).rows == len(await in_database(owner, DAY))
    assert manifest(bucket, DAY).version == 2
    assert bucket.manifests()[manifest_key(NEXT)] == before[manifest_key(NEXT)]
    assert in_archive(bucket, DAY) == await in_database(owner, DAY)
    # Who reads by the old manifest has until the next run.
    assert set(old) < set(bucket.keys(folder(DAY)))
    await archiver.run(BEFORE)
    assert sorted(bucket.keys(folder(DAY))) == sorted(file.key for file in manifest(bucket, DAY).files)


async def test_a_day_that_differs_from_its_rollups_is_not_final(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(owner)
    await owner.execute("UPDATE readings_day SET max = 2e300 WHERE device_id = 'a' AND day = $1", START)
    outcome = await archiver.run(BEFORE)
    assert (outcome.final, outcome.failed) == (1, 1)
    assert list(bucket.manifests()) == [manifest_key(NEXT)]
    assert "the files differ from the rollups of the day" in caplog.text
    assert "a/temperature" in caplog.text


async def test_readings_that_the_database_lost_are_not_taken_out_of_the_archive(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    before = bucket.manifests()
    await owner.execute("DELETE FROM sensor_readings WHERE device_id = 'a'")
    assert (await archiver.run(BEFORE)).failed == 2
    assert "restore the database from it instead" in caplog.text
    assert bucket.manifests() == before


async def test_what_the_database_forgot_of_its_archive_is_found_there_again(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    before = bucket.manifests()
    await owner.execute("TRUNCATE archive_days")
    assert (await archiver.run(BEFORE)).failed == 0
    assert bucket.manifests() == before
    assert await owner.fetchval("SELECT count(*) FROM archive_days") == 2


async def test_a_lost_manifest_is_written_again(archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    bucket.delete([manifest_key(DAY)])
    await archiver.run(BEFORE)
    assert in_archive(bucket, DAY) == await in_database(owner, DAY)
    assert sorted(bucket.keys(folder(DAY))) == sorted(file.key for file in manifest(bucket, DAY).files)


async def test_a_zombie_cannot_replace_what_another_process_published(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection
) -> None:
    await fill(owner)
    await archiver.run(BEFORE)
    found = bucket.manifest(manifest_key(DAY))
    assert found is not None
    await store(owner, [late(17)])
    await archiver.run(BEFORE)
    with pytest.raises(Exception, match="another process published this day meanwhile"):
        bucket.publish(*found)
    with pytest.raises(Exception, match="another process published this day meanwhile"):
        bucket.publish(found[0], None)
    assert manifest(bucket, DAY).version == 2


async def test_what_is_written_while_the_day_is_copied_comes_with_the_next_version(
    archiver: Archiver, bucket: Bucket, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(owner)
    copy = archiver._copy

    async def copy_while_readings_come(*arguments: object) -> None:
        await store(owner, [late(18)])
        await copy(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(archiver, "_copy", copy_while_readings_come)
    rows = len(await in_database(owner, DAY))
    await archiver.run(BEFORE)
    assert manifest(bucket, DAY).rows == rows
    await archiver.run(BEFORE)
    assert (manifest(bucket, DAY).rows, manifest(bucket, DAY).version) == (rows + 1, 2)


@pytest.mark.parametrize(
    "step", [pytest.param(1, id="each request", marks=pytest.mark.slow), pytest.param(21, id="some")]
)
async def test_killed_at_any_request_no_day_is_half_there_and_none_twice(
    step: int,
    database: TestDatabase,
    ministack: KinesisServer,
    settings: ArchiveSettings,
    bucket: Bucket,
    owner: asyncpg.Connection,
) -> None:
    await fill(owner)
    environment = os.environ | settings_of(database, ministack, settings.archive_bucket)
    killed = 0
    for number in range(step, 1000, step):
        bucket.delete(bucket.keys(""))
        await owner.execute("TRUNCATE archive_days")
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.apps.archive.killed", str(number)],
            env=environment,
            capture_output=True,
            check=False,
        )
        await _check_visible(bucket, owner)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        killed += 1
        again = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.apps.archive.killed", "0"],
            env=environment,
            capture_output=True,
            check=False,
        )
        assert again.returncode == 0, again.stderr.decode()
        await _check_visible(bucket, owner)
        named = [file.key for day in (DAY, NEXT) for file in manifest(bucket, day).files]
        assert sorted(bucket.keys(READINGS_PREFIX)) == sorted(named)
    assert killed > 20 // step


async def _check_visible(bucket: Bucket, owner: asyncpg.Connection) -> None:
    """Each day that has a manifest is there as a whole."""
    for day in (DAY, NEXT):
        if manifest_key(day) in bucket.manifests():
            assert in_archive(bucket, day) == await in_database(owner, day)
