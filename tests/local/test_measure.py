"""What was stored is counted in the database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from local import measure
from tests.support.postgres import TestDatabase

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def store(
    connection: asyncpg.Connection,
    device: str,
    count: int,
    *,
    received: datetime = BEGAN,
    rollup: int | None = None,
) -> None:
    rows = [
        (device, "temperature", BEGAN + timedelta(seconds=n), 1.0, received, received + timedelta(seconds=n))
        for n in range(count)
    ]
    await connection.executemany(
        "INSERT INTO sensor_readings (device_id, metric, ts, value, received_at, stored_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        rows,
    )
    await connection.execute(
        "INSERT INTO readings_minute (device_id, metric, minute, count, sum, min, max)"
        " VALUES ($1, 'temperature', $2, $3, 0, 1, 1)",
        device,
        BEGAN,
        count if rollup is None else rollup,
    )


@pytest.fixture
async def connection(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    created = await database.connect()
    await created.execute("SELECT ensure_partition($1)", BEGAN)
    yield created
    await created.close()


async def test_rows_of_this_run_are_counted_with_their_lag(connection: asyncpg.Connection) -> None:
    await store(connection, "old", 3, received=BEGAN - timedelta(seconds=1))
    await store(connection, "new", 5)
    counted = await measure.stored(connection, BEGAN, None)
    assert (counted.stored, counted.duplicates) == (5, 0)
    assert [counted.lag.p50, counted.lag.p95, counted.lag.p99] == pytest.approx([2.0, 3.8, 3.96])


async def test_only_the_devices_of_a_label_are_counted_when_one_is_given(connection: asyncpg.Connection) -> None:
    await connection.execute("INSERT INTO devices (device_id, kind, labels) VALUES ('sim', 'x', '{simulated}')")
    await store(connection, "sim", 4)
    await store(connection, "mine", 2)
    assert (await measure.stored(connection, BEGAN, "simulated")).stored == 4


async def test_a_reading_that_a_rollup_counts_twice_is_doubled(connection: asyncpg.Connection) -> None:
    await store(connection, "a", 5, rollup=7)
    assert (await measure.stored(connection, BEGAN, None)).duplicates == 2


async def test_an_empty_run_has_no_lag(connection: asyncpg.Connection) -> None:
    assert await measure.stored(connection, BEGAN, None) == measure.Stored(0, 0, measure.Lag(None, None, None))


def test_a_rate_is_taken_over_the_last_seconds() -> None:
    rate = measure.Rate(window=10)
    assert rate.per_second is None
    for second in range(30):
        rate.note(second, 50 * second if second < 15 else 50 * 15 + 100 * (second - 15))
    assert rate.per_second == 100
