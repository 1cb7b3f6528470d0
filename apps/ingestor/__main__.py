"""`python -m apps.ingestor`: read the stream and write it into the database until told to stop."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

from apps.ingestor.clock import Clock
from apps.ingestor.leases import LeaseTable
from apps.ingestor.service import INGESTOR
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import KinesisStream
from apps.ingestor.worker import Worker
from apps.ingestor.writer import Writer
from apps.platform import aws, http
from apps.platform.process import run
from apps.storage.connection import create_pool
from apps.storage.leases import new_worker_id

MAX_CONCURRENT_CALLS = 16
"""Calls of Kinesis at a time."""


async def main(settings: IngestorSettings, stopping: asyncio.Event) -> None:
    """Run one worker and its probes."""
    worker_id, clock = new_worker_id(), Clock()
    threads = ThreadPoolExecutor(MAX_CONCURRENT_CALLS, "kinesis")
    pool = await create_pool(settings, f"ingestor {worker_id}"[:63])
    worker = Worker(
        # The stream tries again by itself, and a call that hangs must not hold up the end of the process.
        KinesisStream(
            aws.kinesis(settings, MAX_CONCURRENT_CALLS, read_timeout=5, attempts=1),
            settings.readings_stream,
            threads,
            random.Random(),  # noqa: S311 - spreads retries, keeps no secret
        ),
        LeaseTable(pool, worker_id, settings.lease_seconds),
        Writer(pool, settings, clock),
        settings,
        stopping,
        clock,
    )
    working = asyncio.create_task(worker.run())
    working.add_done_callback(lambda _: stopping.set())  # probes without a worker would tell a lie
    try:
        await http.serve(http.application([], worker.ready), settings, stopping)
    finally:
        stopping.set()
        await working
        threads.shutdown(wait=False, cancel_futures=True)
        pool.terminate()


if __name__ == "__main__":
    run(INGESTOR, IngestorSettings, main)
