"""A worker that dies, or is told of a failure, at each of its calls in turn."""

import itertools
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from tests.apps.ingestor.faults import Calls, Fault
from tests.apps.ingestor.support import Put, assert_consistent, count, envelope, eventually, put, working
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

SWIFT = {"BATCH_SECONDS": "0.05", "BATCH_ROWS": "40", "LEASE_SECONDS": "1"}

TABLES = (
    "sensor_readings, readings_minute, readings_hour, readings_day, latest_readings, devices, rejected_records, "
    "shard_leases"
)


@pytest.mark.parametrize(
    "step", [pytest.param(1, id="each call", marks=pytest.mark.slow), pytest.param(5, id="each 5th")]
)
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_at_whichever_call_it_happens_nothing_is_lost_or_doubled(
    database: TestDatabase, ministack: KinesisServer, fault: Fault, step: int
) -> None:
    """Three batches of one shard: fresh readings, readings that are there already, a new month and a reject."""
    client = ministack.client()
    stream = ministack.create_stream(f"crash-{fault.name.lower()}-{step}")
    put(
        client,
        stream,
        [envelope("d", range(40)), envelope("d", range(20, 60)), Put("d", b"nonsense"), envelope("e", [0])],
    )
    connection = await database.connect()

    async def complete() -> bool:
        stored, rejected = await count(connection), await count(connection, "rejected_records")
        assert (stored, rejected) <= (61, 1)
        has_checkpoint: bool = await connection.fetchval("SELECT checkpoint IS NOT NULL FROM shard_leases")
        return (stored, rejected) == (61, 1) and has_checkpoint

    reached = 0
    for number in itertools.count(step - 1, step):
        await connection.execute(f"TRUNCATE {TABLES}")
        await connection.execute("DROP TABLE IF EXISTS sensor_readings_y2025m03, readings_minute_y2025m03")
        calls = Calls(fault, _at(number))
        async with working(database, client, stream, calls, variables=SWIFT):
            await eventually(partial(_either, complete, calls), 20)
        if calls.struck_at is None:
            break
        reached += 1
        if fault.dies:
            await connection.execute("UPDATE shard_leases SET expires_at = clock_timestamp()")
            async with working(database, client, stream, variables=SWIFT):
                await eventually(complete, 20)
        assert await complete(), calls.struck_at
        await assert_consistent(connection)
    assert reached > 40 // step
    await connection.close()


def _at(number: int) -> Callable[[int, str], bool]:
    return lambda n, _: n == number


async def _either(complete: Callable[[], Awaitable[bool]], calls: Calls) -> bool:
    return calls.died.is_set() or await complete()
