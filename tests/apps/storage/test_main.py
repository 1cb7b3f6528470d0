"""The commands as processes: what they log is for machines, what they print is for people."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.domain.time_bounds import month_of
from apps.storage.migrate import LOCK
from apps.storage.partitions import partition_name
from tests.support.otlp import collecting
from tests.support.postgres import TestDatabase
from tests.support.schema import tables

LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)


def storage(database: TestDatabase, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("apps.storage", database, *arguments, **variables)


def run(module: str, database: TestDatabase, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | database.environment() | variables
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def logged(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {line["message"]: line for line in map(json.loads, done.stderr.splitlines())}


async def test_what_nobody_read_of_the_log_goes_after_a_day(database: TestDatabase) -> None:
    connection = await database.connect()
    for hours in (23, 25):
        await connection.execute(
            "INSERT INTO reading_log (partition, readings, logged_at) VALUES ($1, '', now() - $2::interval)",
            hours % 8,
            timedelta(hours=hours),
        )
    assert storage(database, "partitions").returncode == 0
    assert [row["partition"] for row in await connection.fetch("SELECT partition FROM reading_log")] == [23 % 8]
    await connection.close()


async def test_who_changed_what_goes_after_its_retention(database: TestDatabase) -> None:
    connection = await database.connect()
    for days in (1101, 1099, 1):
        await connection.execute(
            "INSERT INTO audit_events (at, actor, address, action, subject)"
            " VALUES (now() - $1::interval, 'ann', '', 'device.delete', $2)",
            timedelta(days=days),
            f"{days} days ago",
        )
    assert storage(database, "partitions", **database.environment("partitions")).returncode == 0
    subjects = [row["subject"] for row in await connection.fetch("SELECT subject FROM audit_events ORDER BY at")]
    assert subjects == ["1099 days ago", "1 days ago"]
    await connection.close()


async def test_a_migration_logs_json_lines_of_its_own_service_and_sends_a_trace(empty_database: TestDatabase) -> None:
    with collecting() as collector:
        done = run("apps.migration", empty_database, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert (done.returncode, done.stdout) == (0, "")
    lines = logged(done)
    assert {(span.service, span.name) for span in collector.received} == {("migration", "migration")}
    assert lines["migrated the database"]["trace_id"] == collector.received[0].trace_id
    assert {line["service"] for line in lines.values()} == {"migration"}
    assert lines["migrated the database"]["before"] is None
    assert lines["migrated the database"]["after"]
    now = datetime.now(UTC)
    assert f"{now:%Y-%m}" in lines["partitions are there ahead"]["months"]
    again = logged(run("apps.migration", empty_database))
    assert again["migrated the database"]["before"] == lines["migrated the database"]["after"]
    assert again["partitions are there ahead"]["months"] == []


async def test_a_dry_run_prints_what_the_maintenance_then_drops(database: TestDatabase) -> None:
    connection = await database.connect()
    await connection.execute("SELECT ensure_partition($1)", LONG_AGO)
    await connection.close()
    old = partition_name("sensor_readings", month_of(LONG_AGO))
    preview = storage(database, "partitions", "--dry-run")
    assert preview.returncode == 0
    assert f"would drop {old}, " in preview.stdout
    assert old in storage(database, "list").stdout, "a dry run drops nothing"
    done = storage(database, "partitions")
    assert (done.returncode, done.stdout) == (0, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["service"] for line in lines} == {"partitions"}
    dropped = {line["partition"]: line["bytes"] for line in lines if line["message"] == "dropped a partition"}
    assert {f"would drop {name}, {size} bytes" for name, size in dropped.items()} == set(preview.stdout.splitlines())
    listed = storage(database, "list").stdout
    assert old not in listed
    assert partition_name("sensor_readings", month_of(datetime.now(UTC))) + "\t" in listed


async def test_a_month_is_dropped_only_when_each_of_its_days_is_final_in_the_archive(database: TestDatabase) -> None:
    connection = await database.connect()
    await connection.execute("SELECT ensure_partition($1)", LONG_AGO)
    for day, readings in ((1, 3), (28, 2)):
        await connection.execute(
            "INSERT INTO sensor_readings (device_id, metric, ts, value, received_at)"
            " SELECT 'd', 'm', $1::timestamptz + make_interval(secs => n), 1, $1::timestamptz"
            " FROM generate_series(1, $2::int) n",
            LONG_AGO.replace(day=day),
            readings,
        )
    old = partition_name("sensor_readings", month_of(LONG_AGO))
    environment = {"ARCHIVE_ENABLED": "true", "DAYS_RETENTION_MONTHS": "1200"} | database.environment("partitions")
    archived = "INSERT INTO archive_days (day, version, rows, etag) VALUES ($1, 1, $2, 'e')"
    await connection.execute(archived, LONG_AGO.replace(day=1), 3)
    # The last day lacks a reading that came late.
    await connection.execute(archived, LONG_AGO.replace(day=28), 1)
    done = storage(database, "partitions", **environment)
    assert done.returncode == 0, done.stderr
    assert logged(done)["a partition waits for the archive"]["days"] == ["2001-02-28"]
    assert old in storage(database, "list").stdout
    preview = storage(database, "partitions", "--dry-run", **environment)
    assert f"would keep {old}: 1 days are not archived, the first 2001-02-28" in preview.stdout
    await connection.execute("UPDATE archive_days SET rows = 2 WHERE day = '2001-02-28'")
    assert storage(database, "partitions", **environment).returncode == 0
    assert old not in storage(database, "list").stdout
    await connection.close()


async def test_the_nightly_upkeep_deletes_old_rejects_and_forgets_series_of_which_nothing_is_kept(
    database: TestDatabase,
) -> None:
    connection = await database.connect()
    await connection.execute(
        "INSERT INTO rejected_records (stream, shard_id, sequence_number, position, reason, payload, rejected_at) "
        "SELECT 's', 's', '1', 0, 'r', 'p', now() - make_interval(days => n / 1000) FROM generate_series(1, 40000) n"
    )
    await connection.execute(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES "
        "('d', 'old', now() - interval '130 days', 1, now()), ('d', 'kept', now() - interval '80 days', 1, now())"
    )
    done = run("apps.storage", database, "partitions", **database.environment("partitions"))
    assert done.returncode == 0, done.stderr
    oldest = (
        "SELECT max(now() - rejected_at) BETWEEN interval '29 days' AND interval '30 days 1 hour' FROM rejected_records"
    )
    assert await connection.fetchval(oldest)
    assert await connection.fetchval("SELECT count(*) FROM rejected_records") >= 29_999
    assert await connection.fetchval("SELECT array_agg(metric) FROM latest_readings") == ["kept"]
    assert logged(done)["forgot series of which no reading is kept"]["rows"] == 1
    await connection.close()


async def test_the_nightly_upkeep_deletes_alerts_that_are_long_over_with_their_events(database: TestDatabase) -> None:
    connection = await database.connect()
    await connection.execute(
        """
        INSERT INTO alerts (source, rule, severity, message, state, opened_at, resolved_at)
        SELECT 'a' || n, 'r', 'info', 'm', CASE WHEN n % 2 = 0 THEN 'resolved' ELSE 'open' END,
            now() - make_interval(days => n + 10), CASE WHEN n % 2 = 0 THEN now() - make_interval(days => n) END
        FROM generate_series(1, 800) n
        """
    )
    await connection.execute(
        "INSERT INTO alert_events (alert_id, actor, action) SELECT alert_id, 'a', 'open' FROM alerts"
    )
    done = run("apps.storage", database, "partitions", **database.environment("partitions"))
    assert done.returncode == 0, done.stderr
    counts = "SELECT count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'resolved') FROM alerts"
    # 400 days are kept, and what is not over is kept however old it is.
    assert [tuple(row) for row in await connection.fetch(counts)] == [(400, 199)]
    assert await connection.fetchval("SELECT count(*) FROM alert_events") == 599
    assert logged(done)["deleted alerts whose retention is over"]["rows"] == 201
    await connection.close()


async def test_a_migration_that_is_told_to_stop_while_it_waits_ends_and_changes_nothing(
    empty_database: TestDatabase,
) -> None:
    connection = await empty_database.connect()
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    command = (sys.executable, "-m", "apps.migration")
    environment = os.environ | empty_database.environment()
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(60):
        while not await connection.fetchval(waits):  # noqa: ASYNC110 - a lock has no event
            await asyncio.sleep(0.05)
        process.terminate()
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"told to stop" in errors
    assert await tables(connection) == {}
    await connection.close()
