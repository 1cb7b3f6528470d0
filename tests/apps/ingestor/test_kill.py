"""Processes that are killed, frozen and stopped while readings keep coming: nothing is lost, nothing is doubled."""

import asyncio
import json
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import asyncpg
import psutil
import pytest

from tests.apps.ingestor.processes import Ingestor
from tests.apps.ingestor.support import START, Put, assert_consistent, count, envelope, eventually, put
from tests.apps.ingestor.test_resharding import open_shards, split
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

DEVICES = 50


@dataclass
class Load:
    """Records of known contents: duplicates, malformed readings and nonsense among them."""

    seed: int
    per_record: int
    valid: set[tuple[str, int]] = field(default_factory=set)
    rejected: int = 0
    sent: int = 0

    def chunk(self, records: int) -> list[Put]:
        rng = random.Random(f"{self.seed} {self.sent}")
        puts: list[Put] = []
        for number in range(self.sent, self.sent + records):
            device = f"device-{number % DEVICES}"
            numbers = range(number * self.per_record, (number + 1) * self.per_record)
            record = envelope(device, numbers)
            self.valid |= {(device, n) for n in numbers}
            if rng.random() < 0.05:
                puts.append(record)  # a retry of the producer
            if rng.random() < 0.02:
                bad = json.loads(record.data)
                bad["readings"].append({"metric": "temperature", "ts": "yesterday", "value": number})
                record = Put(device, json.dumps(bad).encode())
                self.rejected += 1
            if rng.random() < 0.01:
                puts.append(Put(device, f"nonsense {number}".encode()))
                self.rejected += 1
            puts.append(record)
        self.sent += records
        return puts

    async def verify(self, connection: asyncpg.Connection) -> None:
        """Wait until as much is stored as should be, and see that it is exactly that."""

        async def enough() -> bool:
            stored, rejected = await count(connection), await count(connection, "rejected_records")
            return stored >= len(self.valid) and rejected >= self.rejected

        await eventually(enough, 120)
        rows = await connection.fetch(
            "SELECT device_id, extract(epoch FROM ts - $1)::bigint FROM sensor_readings", START
        )
        assert len(rows) == len(self.valid)
        assert {tuple(row) for row in rows} == self.valid
        rejected = await connection.fetch("SELECT payload FROM rejected_records")
        assert len(rejected) == len(set(rejected)) == self.rejected
        await assert_consistent(connection)


async def progress(connection: asyncpg.Connection, since: int) -> int:
    """Wait until more than `since` readings are stored and return how many they are."""

    async def more() -> int:
        found = await count(connection)
        return found if found > since else 0

    return await eventually(more, 60)


async def kill_at_random(
    kills: int,
    load: Load,
    per_kill: int,
    connection: asyncpg.Connection,
    put_all: Callable[[list[Put]], None],
    start_worker: Callable[[], Ingestor],
    halfway: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run two workers, and kill one of them `kills` times while `per_kill` records come in each time."""
    rng = random.Random(kills)
    workers = [start_worker(), start_worker()]
    stored = 0
    for kill in range(kills):
        putting = asyncio.create_task(asyncio.to_thread(put_all, load.chunk(per_kill)))
        if kill == kills // 2 and halfway:
            await halfway()
        stored = await progress(connection, stored)
        await asyncio.sleep(rng.random() * 0.5)
        victim = rng.randrange(2)
        workers[victim].process.kill()
        workers[victim] = start_worker()
        await putting
    await load.verify(connection)
    assert all(worker.process.poll() is None for worker in workers)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kills", "records"), [(3, 300), pytest.param(20, 5_000, marks=pytest.mark.slow)], ids=["3 kills", "20 kills"]
)
async def test_two_workers_killed_at_random_while_a_shard_splits(
    database: TestDatabase,
    kinesis_local: KinesisServer,
    resharding_stream: str,
    start: Callable[..., Ingestor],
    kills: int,
    records: int,
) -> None:
    client, stream = kinesis_local.client(), resharding_stream
    environment = database.environment("ingestor") | kinesis_local.environment() | {"READINGS_STREAM": stream}
    connection = await database.connect()

    async def reshard() -> None:
        await split(client, stream, open_shards(client, stream)[0])

    put_all, start_worker = partial(put, client, stream), partial(start, environment)
    await kill_at_random(kills, Load(kills, 20), records // kills, connection, put_all, start_worker, reshard)
    await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_two_workers_killed_a_hundred_times_during_a_hundred_thousand_records(
    database: TestDatabase, ministack: KinesisServer, start: Callable[..., Ingestor]
) -> None:
    client = ministack.client()
    stream = ministack.create_stream("hundred-kills", shards=4)
    environment = database.environment("ingestor") | ministack.environment() | {"READINGS_STREAM": stream}
    # More nonsense than that comes of no device at all.
    environment |= {"DEVICE_REJECTS_PER_DAY": "100000"}
    connection = await database.connect()
    put_all, start_worker = partial(put, client, stream), partial(start, environment)
    await kill_at_random(100, Load(100, 1), 1_000, connection, put_all, start_worker)
    await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_one_worker_stopped_and_killed_back_to_back(
    database: TestDatabase, ministack: KinesisServer, stream: str, start: Callable[..., Ingestor]
) -> None:
    client = ministack.client()
    environment = database.environment("ingestor") | ministack.environment() | {"READINGS_STREAM": stream}
    connection = await database.connect()
    load, stored = Load(17, 10), 0
    for how in [signal.SIGTERM] * 9 + [signal.SIGKILL] * 12:
        worker = start(environment)
        putting = asyncio.create_task(asyncio.to_thread(put, client, stream, load.chunk(500)))
        await progress(connection, stored)
        worker.process.send_signal(how)
        assert worker.process.wait(30) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        stored = await count(connection)
        await putting
    start(environment)
    await load.verify(connection)
    await connection.close()


async def waiting_for(connection: asyncpg.Connection, table: str) -> bool:
    waits: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = $1::regclass AND NOT granted)", table
    )
    return waits


@pytest.mark.parametrize(
    ("how", "table"),
    [(signal.SIGSTOP, "sensor_readings"), (signal.SIGSTOP, "readings_minute"), (signal.SIGKILL, "sensor_readings")],
)
async def test_a_worker_that_freezes_or_dies_in_the_middle_of_a_write_holds_up_nobody_and_writes_nothing_later(
    database: TestDatabase, ministack: KinesisServer, start: Callable[..., Ingestor], table: str, how: signal.Signals
) -> None:
    """It waits for a lock before its rows are copied, or after: there the rows are in and not committed."""
    client = ministack.client()
    stream = ministack.create_stream(f"zombie-{table}-{how.name}".replace("_", "-"), shards=1)
    environment = database.environment("ingestor") | ministack.environment()
    environment |= {"READINGS_STREAM": stream, "LEASE_SECONDS": "1"}
    connection, locker = await database.connect(), await database.connect()
    load = Load(11, 10)
    zombie = start(environment)
    put(client, stream, load.chunk(50))
    await load.verify(connection)
    written = zombie.metric("ingestor_records_total")
    async with locker.transaction():
        await locker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        put(client, stream, load.chunk(50))
        await eventually(lambda: waiting_for(locker, table))
        zombie.process.send_signal(how)
    heir = start(environment)
    await eventually(lambda: owned(connection, 2))
    put(client, stream, load.chunk(50))
    await load.verify(connection)
    if how == signal.SIGSTOP:
        expired = await connection.fetchval("SELECT clock_timestamp() + interval '3 seconds'")
        await eventually(lambda: renewed_past(connection, expired))
        zombie.process.send_signal(signal.SIGCONT)
        # It finds that it lost the lease, takes part again, and has written nothing meanwhile.
        await zombie.answers("/ready", 200)
        assert zombie.metric("ingestor_records_total") == written
    put(client, stream, load.chunk(50))
    await load.verify(connection)
    assert heir.process.poll() is None
    await connection.close()
    await locker.close()


async def owned(connection: asyncpg.Connection, epoch: int) -> bool:
    current: int = await connection.fetchval("SELECT epoch FROM shard_leases")
    return current >= epoch


async def renewed_past(connection: asyncpg.Connection, time: datetime) -> bool:
    expires_at: datetime = await connection.fetchval("SELECT max(expires_at) FROM shard_leases")
    return expires_at > time


@pytest.mark.slow
async def test_memory_stays_bounded_while_the_database_takes_nothing(
    database: TestDatabase, ministack: KinesisServer, start: Callable[..., Ingestor]
) -> None:
    client = ministack.client()
    stream = ministack.create_stream("memory", shards=2)
    environment = database.environment("ingestor") | ministack.environment() | {"READINGS_STREAM": stream}
    connection, locker = await database.connect(), await database.connect()
    ingestor = start(environment, BATCH_ROWS="5000")
    load = Load(15, 200)
    put(client, stream, load.chunk(50))
    await load.verify(connection)
    process = psutil.Process(ingestor.process.pid)
    before = process.memory_info().rss
    highest = before
    async with locker.transaction():
        await locker.execute("LOCK TABLE sensor_readings IN ACCESS EXCLUSIVE MODE")
        for _ in range(10):
            await asyncio.to_thread(put, client, stream, load.chunk(100))
            highest = max(highest, process.memory_info().rss)
        await eventually(lambda: waiting_for(locker, "sensor_readings"))
    await load.verify(connection)
    highest = max(highest, process.memory_info().rss)
    assert highest - before <= 64 * 2**20
    await connection.close()
    await locker.close()
