"""The whole way, from the simulator's PUT to the row, while workers are killed and the stream is split."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps.ingestor.support import eventually
from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase
from tests.support.readings import assert_summaries_agree

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

READINGS, KILLS = 100_000, 20
WORKERS = ("ingestor-1", "ingestor-2")


@pytest.fixture
def running(
    tmp_path: Path, database: TestDatabase, kinesis_local: KinesisServer, resharding_stream: str
) -> Iterator[RunningPlatform]:
    with running_platform(database, kinesis_local, resharding_stream, tmp_path, LEASE_SECONDS="3") as platform:
        yield platform


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_every_reading_is_stored_once_while_workers_are_killed_and_a_shard_is_split(
    running: RunningPlatform, database: TestDatabase, kinesis_local: KinesisServer, resharding_stream: str
) -> None:
    owner = await database.connect()
    rng = random.Random(20261123)

    async def stored() -> int:
        return int(await owner.fetchval("SELECT coalesce(sum(count), 0)::bigint FROM readings_minute"))

    async def cause_outages() -> None:
        for kill in range(1, KILLS + 1):
            # Spread over the run by what is stored, not by the clock.
            await eventually(partial(at_least, stored, READINGS * kill // (KILLS + 2)), 300)
            await asyncio.to_thread(running.kill, rng.choice(WORKERS))
            if kill == KILLS // 2:
                split(kinesis_local.client(), resharding_stream)

    load = ("load", "--readings", str(READINGS), "--duplicates", "0.05", "--malformed", "0.02", "--devices", "50")
    sending = asyncio.to_thread(running.simulate, *load, "--batch", "100", "--concurrency", "8")
    report, _ = await asyncio.gather(sending, cause_outages())
    assert report["unknown"] == 0
    assert report["distinct"] == READINGS
    assert report["refused"] > 0

    async def drained() -> bool:
        rejected = int(await owner.fetchval("SELECT count(*) FROM rejected_records"))
        return (await stored()) >= int(report["distinct"]) and rejected >= int(report["refused"])

    await eventually(drained, 180)
    assert await owner.fetchval("SELECT count(*) FROM sensor_readings") == report["distinct"]
    assert await stored() == report["distinct"]
    assert await owner.fetchval("SELECT count(*) FROM rejected_records WHERE reason <> ''") == report["refused"]
    await assert_summaries_agree(owner)
    assert await owner.fetchval("SELECT sum(epoch) > count(*) FROM shard_leases"), "no lease ever changed hands"
    await owner.close()


async def at_least(count: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await count() >= wanted


def split(client: "KinesisClient", stream: str) -> None:
    (shard,) = client.list_shards(StreamName=stream)["Shards"]
    keys = shard["HashKeyRange"]
    start, end = int(keys["StartingHashKey"]), int(keys["EndingHashKey"])
    client.split_shard(StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((start + end) // 2))
