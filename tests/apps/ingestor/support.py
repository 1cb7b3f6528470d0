"""Workers on a real stream and a real database, and what must be true of the database afterwards."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import msgspec
import pytest
from mypy_boto3_kinesis import KinesisClient
from prometheus_client import REGISTRY

from apps.domain.readings import Envelope, Reading
from apps.ingestor.clock import Clock
from apps.ingestor.leases import LeaseTable
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import KinesisStream
from apps.ingestor.worker import Worker
from apps.ingestor.writer import Writer
from apps.platform.settings import load
from apps.storage.connection import create_pool
from apps.storage.leases import new_worker_id
from tests.apps.ingestor.faults import Calls
from tests.support.postgres import TestDatabase
from tests.support.readings import assert_summaries_agree

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

T = TypeVar("T")

START = datetime(2025, 3, 3, tzinfo=UTC)

RETENTION_MONTHS = 120
"""Readings of `START` are kept whenever these tests run."""

QUICK = {
    "BATCH_SECONDS": "0.3",
    "POLL_SECONDS": "0.2",
    "LEASE_SECONDS": "2",
    "LOG_LEVEL": "WARNING",
    "READINGS_RETENTION_MONTHS": str(RETENTION_MONTHS),
}


@dataclass
class Put:
    """One record: its partition key and its bytes."""

    key: str
    data: bytes


def envelope(device: str, numbers: Iterable[int]) -> Put:
    """Return a record of the gateway with one reading a second."""
    readings = tuple(
        Reading(metric="temperature", ts=START + timedelta(seconds=n), value=float(n % 97)) for n in numbers
    )
    return Put(
        device, msgspec.json.encode(Envelope(device_id=device, received_at=datetime.now(UTC), readings=readings))
    )


def put(client: KinesisClient, stream: str, puts: Iterable[Put]) -> None:
    """Put every record, those again that Kinesis did not take."""
    pending: list[PutRecordsRequestEntryTypeDef] = [
        {"Data": record.data, "PartitionKey": record.key} for record in puts
    ]
    while pending:
        call, pending = pending[:500], pending[500:]
        results = client.put_records(StreamName=stream, Records=call)["Records"]
        pending = [entry for entry, result in zip(call, results, strict=True) if "ErrorCode" in result] + pending


def settings_of(database: TestDatabase, stream: str, **changes: str) -> IngestorSettings:
    environment = database.environment("ingestor") | {"AWS_REGION": "eu-west-1", "READINGS_STREAM": stream}
    return load(IngestorSettings, environment | QUICK | changes)


@asynccontextmanager
async def working(
    database: TestDatabase,
    client: Any,
    stream: str,
    calls: Calls | None = None,
    clock: Clock | None = None,
    variables: Mapping[str, str] = {},
) -> AsyncIterator[Worker]:
    """Run a worker in this process, and stop it in an orderly way unless it died by one of `calls`."""
    clock = clock or Clock()
    settings = settings_of(database, stream, **variables)
    stopping = asyncio.Event()
    threads = ThreadPoolExecutor(8)
    pool = await create_pool(settings, "test", **({"connection_class": calls.connection_class()} if calls else {}))
    worker = Worker(
        (calls.stream_class() if calls else KinesisStream)(client, stream, threads, random.Random(stream)),
        LeaseTable(pool, new_worker_id(), settings.lease_seconds),
        Writer(pool, settings, clock),
        settings,
        stopping,
        clock,
    )
    others = asyncio.all_tasks()
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        stopping.set()
        dead = asyncio.create_task(calls.died.wait()) if calls else None
        await asyncio.wait({task, dead} if dead else {task}, return_when=asyncio.FIRST_COMPLETED)
        pool.terminate()
        if dead:
            # The connections are gone and nothing of the process goes on.
            orphans = asyncio.all_tasks() - others
            for orphan in orphans:
                orphan.cancel()
            await asyncio.gather(*orphans, return_exceptions=True)
        threads.shutdown(wait=False)
        if task.done() and not task.cancelled():
            task.result()


async def eventually(condition: Callable[[], Awaitable[T | None]], seconds: float = 60) -> T:
    """Return the first true answer of `condition`; fail when there is none in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (answer := await condition()):
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"not within {seconds} s: {condition}")
        await asyncio.sleep(0.05)
    return answer


async def count(connection: asyncpg.Connection | asyncpg.Pool, table: str = "sensor_readings") -> int:
    found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return found


def sample(metric: str, **labels: str) -> float:
    """Return the value of a counter of this process, 0 before it was first counted."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


async def assert_consistent(connection: asyncpg.Connection | asyncpg.Pool) -> None:
    """What is derived from the stored readings agrees with them."""
    await assert_summaries_agree(connection)
    assert not await connection.fetch("SELECT device_id FROM sensor_readings EXCEPT SELECT device_id FROM devices")


def shuffled(items: Iterable[T], seed: int) -> list[T]:
    mixed = list(items)
    random.Random(seed).shuffle(mixed)
    return mixed
