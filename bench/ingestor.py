"""Rows a second that the ingestor's writer commits, against a plain COPY of the same rows in the same run.

    python bench/ingestor.py [--rows N] [--batch N] [--rounds N]

The reference copies into the same partitioned table in batches of the same size, one transaction each, and does
nothing else: no rollups, newest values, devices or checkpoint. The database is a throwaway server of its own.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import msgspec

from apps.domain.readings import Envelope, Reading, StoredReading
from apps.ingestor.batch import Batch
from apps.ingestor.clock import Clock
from apps.ingestor.leases import LeaseTable
from apps.ingestor.records import Record, parse_record
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import Shard
from apps.ingestor.writer import Checkpoint, Writer
from apps.platform.settings import load
from apps.storage.connection import create_pool
from apps.storage.readings import ensure_partitions
from tests.support import postgres

START = datetime(2025, 3, 3, tzinfo=UTC)
ARRIVED = START + timedelta(days=1)
DEVICES = 200
RETENTION_MONTHS = 120


def make_records(count: int, per_record: int = 25) -> list[Record]:
    """Return records of the gateway that hold `count` readings: each device sends one a second, in turns."""
    records = []
    for number in range(count // per_record):
        first = number // DEVICES * per_record
        readings = tuple(
            Reading(metric="temperature", ts=START + timedelta(seconds=first + n), value=20 + n / 7)
            for n in range(per_record)
        )
        envelope = Envelope(device_id=f"device-{number % DEVICES}", received_at=ARRIVED, readings=readings)
        records.append(Record(str(number + 1), ARRIVED, msgspec.json.encode(envelope)))
    return records


def batches(records: list[Record], rows: int) -> list[Batch]:
    """Return the records in batches of `rows` readings."""
    filled = [Batch(RETENTION_MONTHS)]
    for record in records:
        if len(filled[-1]) >= rows:
            filled.append(Batch(RETENTION_MONTHS))
        filled[-1].add(record)
    return filled


async def copy(pool: asyncpg.Pool, work: list[Batch]) -> None:
    """Copy the readings and nothing else."""
    for batch in work:
        readings = [located.reading for located in batch.readings]
        async with pool.acquire() as connection, connection.transaction():
            await connection.copy_records_to_table("sensor_readings", records=readings, columns=StoredReading._fields)


async def write(pool: asyncpg.Pool, settings: IngestorSettings, work: list[Batch]) -> None:
    """Write the batches as the ingestor does."""
    table = LeaseTable(pool, "bench", 3600)
    await table.sync(f"bench/{time.time_ns()}", [Shard("shard", ())])
    (lease,) = await table.take(await table.renew({}))
    writer, checkpoint = Writer(pool, settings, Clock()), Checkpoint(None, START)
    for batch in work:
        after = Checkpoint(batch.last_record.sequence_number if batch.last_record else None, START)
        await writer.write(lease, checkpoint, batch, after)
        checkpoint = after


async def rate(owner: asyncpg.Connection, rows: int, run: Callable[[], Awaitable[None]], empty: bool = True) -> float:
    """Return the rows a second of one run, into empty tables unless told otherwise."""
    if empty:
        await owner.execute(
            "TRUNCATE sensor_readings, readings_minute, readings_hour, readings_day, latest_readings, shard_leases"
        )
    started = time.perf_counter()
    await run()
    seconds = time.perf_counter() - started
    if (found := await owner.fetchval("SELECT count(*) FROM sensor_readings")) != rows:
        raise RuntimeError(f"{found} of {rows} rows were stored: the measurement is void")
    return rows / seconds


async def main(rows: int, batch: int, rounds: int) -> None:
    """Measure and print."""
    with postgres.running_server(Path(tempfile.mkdtemp(prefix="bench-"))) as server:
        await postgres.make_template(server)
        database = await postgres.copy_template(server)
        owner = await database.connect()
        settings = load(
            IngestorSettings, database.environment("ingestor") | {"AWS_REGION": "eu-west-1", "READINGS_STREAM": "bench"}
        )
        pool = await create_pool(settings, "bench")
        source = make_records(rows)
        started = time.perf_counter()
        for record in source:
            parse_record(record, RETENTION_MONTHS)
        reading = rows / (time.perf_counter() - started)
        work = batches(source, batch)
        await ensure_partitions(owner, [work[0].readings[0].reading])
        figures: dict[str, list[float]] = {"plain COPY": [], "writer, all new": [], "writer, all duplicates": []}
        again = partial(write, pool, settings, work)
        for _ in range(rounds):
            figures["plain COPY"].append(await rate(owner, rows, lambda: copy(pool, work)))
            figures["writer, all new"].append(await rate(owner, rows, again))
            figures["writer, all duplicates"].append(await rate(owner, rows, again, empty=False))
        print(f"{server.version}: {rows} readings, batches of {batch}, median of {rounds} rounds")
        print(f"{'reading records':24}{reading:12,.0f} rows/s")
        reference = statistics.median(figures["plain COPY"])
        for name, rates in figures.items():
            print(f"{name:24}{statistics.median(rates):12,.0f} rows/s{statistics.median(rates) / reference:8.0%}")
        pool.terminate()
        await owner.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.rows, chosen.batch, chosen.rounds))
