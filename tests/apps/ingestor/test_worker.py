"""A worker on a real stream and a real database."""

import json
from collections.abc import Iterator
from datetime import timedelta

import asyncpg

from tests.apps.ingestor.support import Put, assert_consistent, count, envelope, eventually, put, working
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase


async def test_what_is_put_on_the_stream_is_stored_once_with_its_rejects(
    database: TestDatabase, ministack: KinesisServer, stream: str
) -> None:
    client = ministack.client()
    put(client, stream, [envelope(f"device-{d}", range(20)) for d in range(10)])
    connection = await database.connect()
    async with working(database, client, stream):
        await eventually(lambda: _is(connection, "sensor_readings", 200))
        put(client, stream, [envelope("device-1", range(10, 30)), *_odd_records()])
        await eventually(lambda: _is(connection, "sensor_readings", 213))
        await eventually(lambda: _is(connection, "rejected_records", 2))
    await assert_consistent(connection)
    assert await connection.fetchval("SELECT kind FROM devices WHERE device_id = 'plc-1'") == "unknown"
    rejected = await connection.fetch("SELECT * FROM rejected_records ORDER BY payload")
    assert [row["payload"] for row in rejected] == ["not json", '{"device_id": "plc-2"}']
    assert all(row["stream"] == stream and row["shard_id"].startswith("shardId-") for row in rejected)
    held = await connection.fetch("SELECT owner, finished FROM shard_leases")
    assert [tuple(row) for row in held] == [(None, False)] * 2
    await connection.close()


async def test_a_stream_made_anew_under_its_name_is_read_from_its_beginning(
    database: TestDatabase, ministack: KinesisServer
) -> None:
    """As after a night without the platform, when the database was kept and the stream was not."""
    client, stream = ministack.client(), ministack.create_stream("renewed")
    connection = await database.connect()
    put(client, stream, [envelope("d", range(10))])
    async with working(database, client, stream):
        await eventually(lambda: _is(connection, "sensor_readings", 10))
    created = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    while client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamCreationTimestamp"
    ] < created + timedelta(seconds=1):
        client.delete_stream(StreamName=stream)
        ministack.create_stream(stream)
    put(client, stream, [envelope("d", range(5, 20))])
    async with working(database, client, stream):
        await eventually(lambda: _is(connection, "sensor_readings", 20))
    assert await count(connection, "shard_leases") == 1
    await assert_consistent(connection)
    await connection.close()


def _odd_records() -> Iterator[Put]:
    good = {"device_id": "plc-1", "metric": "pressure", "ts": "2025-03-03T00:00:00Z", "value": 1}
    yield Put("a", json.dumps(good).encode())
    yield Put("b", json.dumps([good | {"metric": "m"}, good | {"metric": "n"}, {"device_id": "plc-2"}]).encode())
    yield Put("c", b"not json")


async def _is(connection: asyncpg.Connection, table: str, wanted: int) -> bool:
    found = await count(connection, table)
    assert found <= wanted
    return found == wanted
