"""Splits and merges under load, on a Kinesis API that closes and drains shards as AWS does."""

import asyncio

import asyncpg
from mypy_boto3_kinesis import KinesisClient
from mypy_boto3_kinesis.type_defs import ShardTypeDef

from tests.apps.ingestor.support import assert_consistent, count, envelope, eventually, put, working
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

HALF = 2**127
DEVICES = 12


def open_shards(client: KinesisClient, stream: str) -> list[ShardTypeDef]:
    shards = client.list_shards(StreamName=stream)["Shards"]
    return [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]


async def split(client: KinesisClient, stream: str, shard: ShardTypeDef) -> None:
    bounds = shard["HashKeyRange"]
    middle = (int(bounds["StartingHashKey"]) + int(bounds["EndingHashKey"])) // 2 + 1
    await _until_active(client, stream)
    client.split_shard(StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle))
    await _until_active(client, stream)


async def merge(client: KinesisClient, stream: str, shard: ShardTypeDef, adjacent: ShardTypeDef) -> None:
    await _until_active(client, stream)
    client.merge_shards(StreamName=stream, ShardToMerge=shard["ShardId"], AdjacentShardToMerge=adjacent["ShardId"])
    await _until_active(client, stream)


async def _until_active(client: KinesisClient, stream: str) -> None:
    async def active() -> bool:
        return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"

    await eventually(active)


def neighbours(client: KinesisClient, stream: str) -> list[ShardTypeDef]:
    return sorted(open_shards(client, stream), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


async def test_while_shards_split_and_merge_each_reading_is_stored_once_and_in_its_devices_order(
    database: TestDatabase, kinesis_local: KinesisServer, resharding_stream: str
) -> None:
    client, stream = kinesis_local.client(), resharding_stream
    connection = await database.connect()
    sent = 0

    async def send() -> None:
        nonlocal sent
        puts = [envelope(f"device-{device}", [sent, sent + 1]) for device in range(DEVICES)]
        await asyncio.to_thread(put, client, stream, puts)
        sent += 2

    async with working(database, client, stream), working(database, client, stream):
        await send()
        await split(client, stream, open_shards(client, stream)[0])
        await send()
        for shard in open_shards(client, stream):
            await split(client, stream, shard)
            await send()
        assert len(open_shards(client, stream)) == 4
        first, second, third, fourth = neighbours(client, stream)
        await merge(client, stream, first, second)
        await send()
        await merge(client, stream, third, fourth)
        for _ in range(3):
            await send()

        async def complete() -> bool:
            found = await count(connection)
            assert found <= DEVICES * sent
            return found == DEVICES * sent

        await eventually(complete, 60)
        leases = await connection.fetch("SELECT shard_id, owner, finished FROM shard_leases ORDER BY shard_id")
        assert len(leases) == 9
        await eventually(lambda: _finished(connection, 7))
    disordered = await connection.fetch(
        """
        SELECT device_id FROM (SELECT device_id, stored_at, lag(stored_at) OVER (PARTITION BY device_id ORDER BY ts)
                               AS before FROM sensor_readings) AS sequence
        WHERE stored_at < before
        """
    )
    assert not disordered
    await assert_consistent(connection)
    await connection.close()


async def _finished(connection: asyncpg.Connection, wanted: int) -> bool:
    found: int = await connection.fetchval("SELECT count(*) FROM shard_leases WHERE finished")
    return found == wanted


async def test_workers_that_come_and_go_share_the_shards_evenly(
    database: TestDatabase, kinesis_local: KinesisServer, resharding_stream: str
) -> None:
    client, stream = kinesis_local.client(), resharding_stream
    for _ in range(2):
        for shard in open_shards(client, stream):
            await split(client, stream, shard)
    connection = await database.connect()

    async def shares() -> list[int]:
        rows = await connection.fetch(
            "SELECT count(*) FROM shard_leases WHERE NOT finished AND expires_at > now() GROUP BY owner ORDER BY 1"
        )
        return [row[0] for row in rows]

    async def shared(*wanted: int) -> bool:
        return await shares() == list(wanted)

    async with working(database, client, stream):
        await eventually(lambda: shared(4))
        async with working(database, client, stream):
            await eventually(lambda: shared(2, 2))
            async with working(database, client, stream):
                await eventually(lambda: shared(1, 1, 2))
            await eventually(lambda: shared(2, 2))
        await eventually(lambda: shared(4))
    await connection.close()


async def test_a_shard_that_vanishes_is_let_go_and_its_children_are_read(
    database: TestDatabase, ministack: KinesisServer
) -> None:
    """MiniStack drops a shard's records with the shard: what was not read is told as lost, and reading goes on."""
    client = ministack.client()
    stream = ministack.create_stream("vanishing", shards=1)
    connection = await database.connect()
    async with working(database, client, stream):
        put(client, stream, [envelope("d", range(10))])
        await eventually(lambda: _stored(connection, 10))
        await split(client, stream, open_shards(client, stream)[0])
        put(client, stream, [envelope(f"e{n}", [n]) for n in range(10)])
        await eventually(lambda: _stored(connection, 20), 60)
    await connection.close()


async def _stored(connection: asyncpg.Connection, wanted: int) -> bool:
    return await count(connection) == wanted
