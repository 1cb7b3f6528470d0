"""Faults of the stream, the database and the clocks, while readings keep coming."""

import asyncio
import json
import logging
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from apps.ingestor.clock import Clock
from devtools.postgres import Postgres
from tests.apps.ingestor.faults import FaultyKinesis
from tests.apps.ingestor.support import Put, assert_consistent, count, envelope, eventually, put, sample, working
from tests.support import postgres
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase


async def has(connection: asyncpg.Connection, wanted: int) -> bool:
    found = await count(connection)
    assert found <= wanted
    return found == wanted


async def test_a_quarter_of_all_kinesis_calls_may_fail(
    database: TestDatabase, ministack: KinesisServer, stream: str
) -> None:
    client = ministack.client()
    connection = await database.connect()
    faulty = FaultyKinesis(client, 0.25, seed=6)
    async with working(database, faulty, stream):
        for part in range(20):
            puts = [envelope(f"d{d}", range(part * 10, part * 10 + 12)) for d in range(5)]
            await asyncio.to_thread(put, client, stream, puts)
            await eventually(partial(_at_least, faulty.failed, part))
        await eventually(lambda: has(connection, 5 * 202), 60)
    assert set(faulty.failed) == set(FaultyKinesis.CODES)
    await assert_consistent(connection)
    await connection.close()


async def _at_least(failed: list[str], number: int) -> bool:
    return len(failed) >= number


async def test_an_error_that_is_not_retryable_is_told_and_reading_begins_again(
    database: TestDatabase, ministack: KinesisServer, stream: str
) -> None:
    client = ministack.client()
    put(client, stream, [envelope("d", range(30))])
    connection = await database.connect()
    before = sample("ingestor_shard_restarts_total", error="ClientError")
    async with working(database, FaultyKinesis(client, 0.4, seed=2, codes=["AccessDeniedException"]), stream):
        await eventually(lambda: has(connection, 30))

        async def restarted() -> bool:
            return sample("ingestor_shard_restarts_total", error="ClientError") > before

        await eventually(restarted)
    await connection.close()


@pytest.mark.parametrize(
    "seconds", [2, pytest.param(35, marks=pytest.mark.slow), pytest.param(120, marks=pytest.mark.slow)]
)
async def test_a_database_that_crashes_and_comes_back_costs_nothing_but_time(
    own_server: Postgres, ministack: KinesisServer, stream: str, seconds: int
) -> None:
    database = await postgres.copy_template(own_server)
    client = ministack.client()
    put(client, stream, [envelope(f"d{d}", range(20)) for d in range(10)])
    async with working(database, client, stream) as worker:
        connection = await database.connect()
        await eventually(lambda: has(connection, 200))
        own_server.stop(signal.SIGQUIT)
        put(client, stream, [envelope(f"d{d}", range(20, 40)) for d in range(10)])
        await eventually(worker.ready, 10)
        await asyncio.sleep(seconds)
        own_server.start()
        connection = await database.connect()
        await eventually(lambda: has(connection, 400), 10)
        assert await worker.ready() is None
    await assert_consistent(connection)
    await connection.close()


class Forwarder:
    """A database's address: passes everything on, until it hangs or resets its connections."""

    def __init__(self, database: TestDatabase) -> None:
        self.to = ("127.0.0.1", database.server.port)
        self.hangs = asyncio.Event()
        self.links: list[asyncio.WriteTransport] = []

    async def listen(self, host: str, port: int = 0) -> int:
        self.server = await asyncio.start_server(self._forward, host, port)
        bound: int = self.server.sockets[0].getsockname()[1]
        return bound

    def reset(self) -> None:
        self.server.close()
        for link in self.links:
            link.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self.to)
        self.links += [writer.transport, back.transport]
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer), return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.hangs.is_set():
                await asyncio.Future()
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.mark.parametrize("how", ["resets", "hangs"])
async def test_a_database_that_fails_over_to_another_address_is_found(
    database: TestDatabase, ministack: KinesisServer, stream: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Its name means another address from then on; the old one resets its connections or takes them and is silent."""
    client = ministack.client()
    loop = asyncio.get_running_loop()
    addresses, resolve = ["127.0.0.2"], loop.getaddrinfo

    async def resolved(host: str, port: int, **options: Any) -> Any:
        return await resolve(addresses[-1] if host == "database.example" else host, port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", resolved)
    primary, standby = Forwarder(database), Forwarder(database)
    port = await primary.listen("127.0.0.2")
    await standby.listen("127.0.0.3", port)
    put(client, stream, [envelope("d", range(20))])
    connection = await database.connect()
    address = {"DATABASE_HOST": "database.example", "DATABASE_PORT": str(port)}
    async with working(database, client, stream, variables=address) as worker:
        await eventually(lambda: has(connection, 20))
        if how == "resets":
            primary.reset()
        else:
            primary.hangs.set()
        put(client, stream, [envelope("d", range(20, 50))])
        await eventually(worker.ready)
        addresses.append("127.0.0.3")
        await eventually(lambda: has(connection, 50), 15)
    standby.reset()
    primary.reset()
    await connection.close()


async def test_a_password_that_was_changed_is_read_for_the_next_connection(
    own_server: Postgres, ministack: KinesisServer, stream: str
) -> None:
    """As an IAM token, which is good for fifteen minutes and checked when connecting."""
    database = await postgres.copy_template(own_server)
    client = ministack.client()
    put(client, stream, [envelope("d", range(20))])
    owner = await database.connect()
    async with working(database, client, stream):
        await eventually(lambda: has(owner, 20))
        (own_server.folder / "ingestor.password").write_text("another")
        await owner.execute("ALTER ROLE ingestor PASSWORD 'another'")
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingestor'")
        put(client, stream, [envelope("d", range(20, 40))])
        await eventually(lambda: has(owner, 40), 10)
    await owner.close()


async def test_while_no_connection_is_to_be_had_it_waits_and_is_not_ready(
    database: TestDatabase, ministack: KinesisServer, stream: str
) -> None:
    client = ministack.client()
    owner = await database.connect()
    await owner.execute("ALTER ROLE ingestor CONNECTION LIMIT 0")
    put(client, stream, [envelope("d", range(20))])
    try:
        async with working(database, client, stream) as worker:

            async def says_why() -> bool:
                return "too many connections" in (await worker.ready() or "")

            await eventually(says_why)
            await owner.execute("ALTER ROLE ingestor CONNECTION LIMIT -1")
            await eventually(lambda: has(owner, 20), 10)
            assert await worker.ready() is None
    finally:
        await owner.execute("ALTER ROLE ingestor CONNECTION LIMIT -1")
        await owner.close()


async def test_a_locked_table_holds_up_writing_and_not_the_leases(
    database: TestDatabase, ministack: KinesisServer, stream: str
) -> None:
    client = ministack.client()
    owner = await database.connect()
    put(client, stream, [envelope("d", range(5))])
    async with working(database, client, stream, variables={"LEASE_SECONDS": "1"}):
        await eventually(lambda: has(owner, 5))
        leases = "SELECT shard_id, owner, epoch, expires_at FROM shard_leases ORDER BY shard_id"
        async with owner.transaction():
            await owner.execute("LOCK TABLE sensor_readings IN ACCESS EXCLUSIVE MODE")
            before = await owner.fetch(leases)
            put(client, stream, [envelope(f"d{d}", range(5, 10)) for d in range(20)])

            async def waits_for_long() -> bool:
                """Three lease times after it began to wait, the lease is renewed."""
                renewed: datetime = max(row["expires_at"] for row in await owner.fetch(leases))
                locked: datetime = max(row["expires_at"] for row in before)
                return renewed > locked + timedelta(seconds=3)

            await eventually(waits_for_long)
            assert [row[:3] for row in await owner.fetch(leases)] == [row[:3] for row in before]
        await eventually(lambda: has(owner, 5 + 100), 10)
    await owner.close()


async def test_a_shard_that_was_not_read_for_longer_than_its_retention_is_told(
    database: TestDatabase, ministack: KinesisServer, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = ministack.client()
    put(client, stream, [envelope("d", range(5))])
    connection = await database.connect()
    gaps = sample("ingestor_retention_gaps_total")
    async with working(database, client, stream):
        await eventually(lambda: has(connection, 5))
    await connection.execute("UPDATE shard_leases SET read_until = now() - interval '23 hours'")
    async with working(database, client, stream):
        put(client, stream, [envelope("d", range(10))])
        await eventually(lambda: has(connection, 10))
    assert sample("ingestor_retention_gaps_total") == gaps
    await connection.execute("UPDATE shard_leases SET read_until = now() - interval '25 hours'")
    with caplog.at_level(logging.ERROR):
        async with working(database, client, stream):
            put(client, stream, [envelope("d", range(15))])
            await eventually(lambda: has(connection, 15))
    assert sample("ingestor_retention_gaps_total") == gaps + 2
    assert "what arrived in between is lost" in caplog.text
    assert await connection.fetchval("SELECT min(read_until) FROM shard_leases") > datetime.now(UTC) - timedelta(
        hours=1
    )
    await connection.close()


@pytest.mark.parametrize("step", [timedelta(minutes=10), timedelta(minutes=-10)])
async def test_a_step_of_the_machines_clock_costs_no_lease_and_no_reading(
    database: TestDatabase, ministack: KinesisServer, stream: str, step: timedelta
) -> None:
    client = ministack.client()
    connection = await database.connect()
    put(client, stream, [envelope("d", range(5))])
    offset = timedelta()
    clock = Clock(now=lambda: datetime.now(UTC) + offset)
    async with working(database, client, stream, clock=clock, variables={"LEASE_SECONDS": "1"}):
        await eventually(lambda: has(connection, 5))
        owners = "SELECT shard_id, owner, epoch FROM shard_leases ORDER BY shard_id"
        before = await connection.fetch(owners)
        offset = step
        put(client, stream, [envelope("d", range(50))])
        await eventually(lambda: has(connection, 50))
        assert await connection.fetch(owners) == before
    await connection.close()


async def test_the_same_readings_in_a_batch_in_others_and_on_other_shards_are_stored_once(
    database: TestDatabase, ministack: KinesisServer
) -> None:
    client = ministack.client()
    stream = ministack.create_stream("duplicates", shards=4)
    connection = await database.connect()
    async with working(database, client, stream), working(database, client, stream):
        for part in range(6):
            record = envelope("d", range(part * 10, part * 10 + 30))
            puts = [Put(f"{record.key}{number}", record.data) for number in range(8)] * 2
            await asyncio.to_thread(put, client, stream, puts)
        await eventually(lambda: has(connection, 80))

        async def read_all() -> bool:
            every: bool = await connection.fetchval("SELECT bool_and(checkpoint IS NOT NULL) FROM shard_leases")
            return every

        await eventually(read_all)
    await assert_consistent(connection)
    await connection.close()


POISON = {
    "not json": b"{",
    "another type": b'"text"',
    "not a number": b'{"device_id":"p","metric":"m","ts":"2025-03-03T00:00:00Z","value":NaN}',
    "NUL": b'{"device_id":"p","metric":"a\\u0000","ts":"2025-03-03T00:00:00Z","value":1}',
    "NUL byte": b"\x00" * 10,
    "not UTF-8": b"\xff\xfe\xfd",
    "a megabyte": b"x" * (2**20 - 10),
    "the year 9999": b'{"device_id":"p","metric":"m","ts":"9999-12-31T23:59:59Z","value":1}',
    "an unset clock": b'{"device_id":"p","metric":"m","ts":"1970-01-01T00:00:00Z","value":1}',
    "nested": b'{"a":' * 5000,
    "a constraint": b'{"device_id":"p","metric":"m","ts":"2025-03-03T00:00:00Z","value":666}',
}


async def test_poison_is_kept_once_with_its_reason_and_its_neighbours_are_stored(
    database: TestDatabase, ministack: KinesisServer, stream: str
) -> None:
    client = ministack.client()
    connection = await database.connect()
    await connection.execute("ALTER TABLE sensor_readings ADD CONSTRAINT no_evil CHECK (value <> 666)")
    puts = [Put("p", data) for data in POISON.values()]
    neighbours = [envelope("p", [number]) for number in range(len(puts))]
    put(client, stream, [record for pair in zip(neighbours, puts, strict=True) for record in pair])
    async with working(database, client, stream):
        await eventually(lambda: has(connection, len(POISON)))

        async def all_kept() -> bool:
            return await count(connection, "rejected_records") == len(POISON)

        await eventually(all_kept)
        put(client, stream, [envelope("p", [100])])
        await eventually(lambda: has(connection, len(POISON) + 1))
    rows = await connection.fetch("SELECT reason, payload FROM rejected_records ORDER BY sequence_number::numeric")
    reasons = dict(zip(POISON, (row["reason"] for row in rows), strict=True))
    assert "no_evil" in reasons["a constraint"]
    assert "ahead" in reasons["the year 9999"]
    assert "set the device's clock" in reasons["an unset clock"]
    assert all(reasons.values())
    assert json.loads(rows[-1]["payload"])["value"] == 666
    await connection.close()
