"""Rollups of minutes, hours and days: what they say is what the stored readings say, whatever came and went."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.domain.readings import StoredReading
from apps.storage.readings import ensure_partitions, store
from tests.support.migrations import history, in_transaction, to
from tests.support.postgres import TestDatabase
from tests.support.readings import assert_summaries_agree

START = datetime(2026, 10, 31, 22, tzinfo=UTC)
"""Two hours before a month ends."""

READINGS = st.builds(
    lambda device, metric, second, value: StoredReading(
        device, metric, START + timedelta(seconds=second), value, START + timedelta(days=1)
    ),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y"]),
    # Few different times, on both sides of minutes, hours, days and a month: many repeat or contradict each other.
    st.sampled_from([0, 59.999999, 60, 3599, 3600, 7199.5, 7200, 7201, 90_000]),
    st.sampled_from([-1e300, -3.25, 0.0, 0.1, 7.0, 1e300]),
)
DELETIONS = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y", None]),
    st.sampled_from([0, 60, 3600, 7200]),
    st.sampled_from([1, 3600, 100_000]),
)


@pytest.fixture
async def connection(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    created = await database.connect()
    for at in (START, START + timedelta(hours=3)):
        await ensure_partitions(created, [StoredReading("a", "x", at, 1, at)])
    await created.execute("INSERT INTO devices (device_id, kind) VALUES ('a', 'k'), ('b', 'k')")
    yield created
    await created.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(st.lists(READINGS, min_size=1, max_size=12), DELETIONS), max_size=8))
async def test_rollups_and_newest_values_are_what_a_model_says(
    connection: asyncpg.Connection, steps: list[list[StoredReading] | tuple[str, str | None, int, int]]
) -> None:
    await connection.execute("DELETE FROM sensor_readings")
    model: dict[tuple[str, str, datetime], float] = {}
    for step in steps:
        if isinstance(step, list):
            await store(connection, step)
            for reading in step:
                model.setdefault((reading.device_id, reading.metric, reading.ts), reading.value)
        else:
            device, metric, first, length = step
            since = START + timedelta(seconds=first)
            until = since + timedelta(seconds=length)
            await connection.execute(
                "DELETE FROM sensor_readings WHERE device_id = $1 AND metric = coalesce($2, metric)"
                " AND ts >= $3 AND ts < $4",
                *(device, metric, since, until),
            )
            model = {
                key: value
                for key, value in model.items()
                if not (key[0] == device and metric in (None, key[1]) and since <= key[2] < until)
            }
        stored = await connection.fetch("SELECT device_id, metric, ts, value FROM sensor_readings")
        assert {(row[0], row[1], row[2]): row[3] for row in stored} == model
        await assert_summaries_agree(connection)


async def test_nobody_writes_hours_and_days_but_the_database_itself(database: TestDatabase) -> None:
    connection = await database.connect("ingestor")
    for level in ("hour", "day"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"INSERT INTO readings_{level} VALUES ('a', 'x', now(), 1, 1, 1, 1)")
    await connection.close()


async def test_what_a_device_has_left_that_was_deregistered_comes_into_no_list_again(
    connection: asyncpg.Connection,
) -> None:
    await store(connection, [StoredReading("a", "x", START + timedelta(seconds=n), n, START) for n in range(3)])
    await connection.execute("DELETE FROM devices WHERE device_id = 'a'; DELETE FROM latest_readings")
    await connection.execute("DELETE FROM sensor_readings WHERE ts = $1", START + timedelta(seconds=2))
    assert await connection.fetchval("SELECT count(*) FROM latest_readings") == 0


SUMMED_BEFORE = """
INSERT INTO readings_minute (device_id, metric, minute, count, sum, min, max)
SELECT device_id, metric, date_trunc('minute', ts, 'UTC'), count(*), sum(value), min(value), max(value)
FROM sensor_readings GROUP BY 1, 2, 3;
INSERT INTO latest_readings (device_id, metric, ts, value, received_at)
SELECT DISTINCT ON (device_id, metric) device_id, metric, ts, value, received_at
FROM sensor_readings ORDER BY 1, 2, 3 DESC
"""
"""What a release kept that knew minutes alone."""


async def test_what_was_stored_before_there_were_hours_and_days_is_summed_up(empty_database: TestDatabase) -> None:
    (before,) = [script.down_revision for script in history() if script.path.endswith("_rollups.py")]
    await in_transaction(empty_database, to(str(before)))
    connection = await empty_database.connect()
    readings = [
        StoredReading(device, "x", START + timedelta(minutes=7 * n), n / 3, START)
        for device in ("a", "b")
        for n in range(300)
    ]
    await ensure_partitions(connection, readings)
    await connection.copy_records_to_table("sensor_readings", records=readings, columns=StoredReading._fields)
    await connection.execute(SUMMED_BEFORE)
    # As a session elsewhere would migrate it.
    await connection.execute(f"ALTER DATABASE {empty_database.name} SET timezone = 'Asia/Kolkata'")
    await in_transaction(empty_database, to("head"))
    await connection.close()
    connection = await empty_database.connect()
    await assert_summaries_agree(connection)
    await store(connection, [reading._replace(ts=reading.ts + timedelta(seconds=1)) for reading in readings])
    await assert_summaries_agree(connection)
    await connection.close()
