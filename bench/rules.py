"""How long after its receipt a reading that passes a limit has its open alert, at a steady load.

    python -m bench.rules [--series N] [--rate N] [--seconds N]

Every series has three rules: a limit, a rate and a silence. Readings are stored as the ingestor does it, a batch every
two seconds; each second one series passes its limit. Two workers judge. The reference is the same stream stored with
nobody judging: CPU seconds of this process with workers against without. The database is a throwaway server of its own.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from apps.domain.readings import StoredReading
from apps.domain.rule_document import parse_rule
from apps.platform.settings import load
from apps.rules.settings import RulesSettings
from apps.rules.worker import Worker
from apps.storage.connection import connect_arguments
from apps.storage.reading_log import PARTITIONS
from apps.storage.readings import ensure_partitions, register_unknown, store
from apps.storage.rules import save_rule
from tests.support import postgres
from tests.support.postgres import TestDatabase

BATCH_SECONDS = 2
METRICS = ("m0", "m1", "m2", "m3", "m4")
RULES = (
    {"rule_id": "limit", "condition": {"type": "above", "threshold": 90}},
    {"rule_id": "rate", "condition": {"type": "rate", "threshold": 1e6}},
    {"rule_id": "silence", "condition": {"type": "silence", "of": "metric", "interval_seconds": 3600}},
)


def batch(series: int, rate: int, number: int) -> list[StoredReading]:
    """Return what arrived in the last two seconds: the series by turns, and one a second beyond its limit."""
    now = datetime.now(UTC)
    count = rate * BATCH_SECONDS
    beyond = {second * rate + random.Random(number).randrange(rate) for second in range(BATCH_SECONDS)}
    readings = []
    for index in range(count):
        which = (number * count + index) % series
        device, metric = divmod(which, len(METRICS))
        at = now - timedelta(seconds=BATCH_SECONDS * (count - index) / count)
        value = 95.0 if index in beyond else 20.0
        readings.append(StoredReading(f"device-{device}", METRICS[metric], at, value, at))
    return readings


async def feed(connection: asyncpg.Connection, series: int, rate: int, seconds: int) -> float:
    """Store a batch every two seconds, as far as the machine keeps up, and return the CPU seconds that it took."""
    began, cpu = time.monotonic(), time.process_time()
    for number in range(seconds // BATCH_SECONDS):
        readings = batch(series, rate, number)
        async with connection.transaction():
            await store(connection, readings)
            await register_unknown(connection, readings)
            await connection.execute("SELECT pg_notify('readings_stored', '')")
        await asyncio.sleep(max(0.0, began + (number + 1) * BATCH_SECONDS - time.monotonic()))
    return time.process_time() - cpu


async def measure(database: TestDatabase, series: int, rate: int, seconds: int) -> None:
    """Measure both and print what came of it."""
    connection = await database.connect()
    await ensure_partitions(connection, batch(series, rate, 0))
    for document in RULES:
        await save_rule(
            connection, parse_rule(document | {"name": "n", "scope": {"metrics": list(METRICS)}}), "b", None
        )
    alone = await feed(connection, series, rate, seconds)
    await connection.execute("TRUNCATE reading_log")
    settings = load(RulesSettings, database.environment("rules"))
    stopping = asyncio.Event()
    workers = [Worker(settings, connect_arguments(settings, "rules"), stopping) for _ in range(2)]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    began = "SELECT count(*) FROM rule_partitions WHERE memory IS NOT NULL"
    while await connection.fetchval(began) < PARTITIONS:  # noqa: ASYNC110 - the database tells nobody
        await asyncio.sleep(0.1)
    judged = await feed(connection, series, rate, seconds)
    await asyncio.sleep(10)
    rows = await connection.fetch(
        "SELECT extract(epoch FROM at - happened_at)::float8 AS late FROM alert_events WHERE action <> 'resolved'"
    )
    stopping.set()
    await asyncio.gather(*tasks)
    await connection.close()
    late = sorted(row["late"] for row in rows)
    passed = seconds // BATCH_SECONDS * BATCH_SECONDS
    print(f"{series:,} series x {len(RULES)} rules, {rate:,} readings/s, {seconds} s: {len(late)} of {passed} opened")
    print(
        f"from receipt to open alert: median {statistics.median(late):.2f} s, p99 {late[int(len(late) * 0.99)]:.2f} s"
    )
    print(f"CPU: {judged / seconds:.2f} s a second with workers, {alone / seconds:.2f} without: {judged / alone:.1f} x")


def main() -> None:
    """Measure on a throwaway server."""
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres.running_server(Path(folder) / "server") as server:

        async def run() -> None:
            await postgres.make_template(server)
            database = await postgres.copy_template(server)
            await measure(database, options.series, options.rate, options.seconds)

        asyncio.run(run())


if __name__ == "__main__":
    main()
