"""Storing readings: each once, with rollups and newest values that agree."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from apps.domain.readings import StoredReading
from apps.storage.readings import ensure_partitions, is_missing_partition, store
from tests.support.postgres import TestDatabase
from tests.support.readings import assert_summaries_agree, let_compare

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
async def connection(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    created = await database.connect("ingestor")
    await ensure_partitions(created, [reading()])
    await let_compare(database, "ingestor")
    yield created
    await created.close()


def reading(second: float = 0, value: float = 1, device: str = "d", metric: str = "m") -> StoredReading:
    return StoredReading(device, metric, NOW + timedelta(seconds=second), value, NOW)


async def everything(connection: asyncpg.Connection) -> list[StoredReading]:
    found = await connection.fetch(
        "SELECT device_id, metric, ts, value, received_at FROM sensor_readings ORDER BY 1, 2, 3"
    )
    return [StoredReading(*row) for row in found]


async def test_new_readings_are_stored_and_returned(connection: asyncpg.Connection) -> None:
    readings = [reading(n, n) for n in range(5)]
    assert (await store(connection, reversed(readings))).stored == readings
    assert await everything(connection) == readings
    await assert_summaries_agree(connection)


async def test_what_is_there_already_is_neither_stored_nor_returned_nor_counted_again(
    connection: asyncpg.Connection,
) -> None:
    await store(connection, [reading(n) for n in range(5)])
    assert sorted((await store(connection, [reading(n) for n in range(3, 8)])).stored) == [
        reading(n) for n in range(5, 8)
    ]
    assert len(await everything(connection)) == 8
    await assert_summaries_agree(connection)
    assert await store(connection, [reading(n) for n in range(8)]) == ([], [])
    await assert_summaries_agree(connection)


async def test_of_one_key_twice_in_a_batch_the_first_is_kept(connection: asyncpg.Connection) -> None:
    stored, conflicts = await store(connection, [reading(0, 7), reading(1), reading(0, 8), reading(0, 7)])
    assert stored == [reading(0, 7), reading(1)]
    assert conflicts == [(reading(0, 8), 7)]
    await assert_summaries_agree(connection)


async def test_nothing_to_store_is_fine(connection: asyncpg.Connection) -> None:
    assert await store(connection, []) == ((), ())


async def test_the_newest_value_is_the_newest_measured_and_never_goes_back(connection: asyncpg.Connection) -> None:
    await store(connection, [reading(10, 10)])
    await store(connection, [reading(5, 5), reading(-300, 3)])
    assert await connection.fetchval("SELECT value FROM latest_readings") == 10
    await store(connection, [reading(11, 11), reading(12, 12), reading(10, 99)])
    assert await connection.fetchval("SELECT value FROM latest_readings") == 12
    await assert_summaries_agree(connection)


async def test_the_largest_values_do_not_overflow_a_sum(connection: asyncpg.Connection) -> None:
    for second in range(4):
        await store(connection, [reading(second, 1e300), reading(second + 0.5, 1e300)])
    await assert_summaries_agree(connection)


async def test_a_month_without_a_partition_is_told_and_can_be_made(connection: asyncpg.Connection) -> None:
    old = StoredReading("d", "m", datetime(2001, 2, 3, tzinfo=UTC), 1, NOW)
    with pytest.raises(asyncpg.CheckViolationError) as missing:
        await store(connection, [reading(), old])
    assert is_missing_partition(missing.value)
    assert await everything(connection) == []
    await ensure_partitions(connection, [old])
    assert (await store(connection, [reading(), old])).stored == [old, reading()]


async def test_a_constraint_is_not_taken_for_a_missing_partition(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    owner = await database.connect()
    await owner.execute("ALTER TABLE sensor_readings ADD CONSTRAINT sane CHECK (value < 100)")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await store(connection, [reading(), reading(1, 100)])
    assert not is_missing_partition(refused.value)
    assert await everything(connection) == []
    await owner.close()


async def test_two_that_store_the_same_readings_at_once_store_each_once(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    rng = random.Random(3)
    readings = [reading(n % 300, n, device=f"d{n % 7}") for n in range(2000)]
    batches = [rng.sample(readings, 700) for _ in range(12)]
    connections = [await database.connect("ingestor") for _ in range(4)]

    async def work(connection: asyncpg.Connection, some: list[list[StoredReading]]) -> int:
        return sum([len((await store(connection, batch)).stored) for batch in some])

    stored = await asyncio.gather(*(work(writer, batches[n::4]) for n, writer in enumerate(connections)))
    keys = {(r.device_id, r.ts) for batch in batches for r in batch}
    assert sum(stored) == len(keys) == len(await everything(connections[0]))
    await assert_summaries_agree(connections[0])
    for connection in connections:
        await connection.close()
