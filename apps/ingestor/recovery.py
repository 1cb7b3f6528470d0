"""`python -m apps.ingestor.recovery`: after the database was restored, can the stream still fill what is missing?

A checkpoint is a row beside the readings, so a restored copy goes on reading where that copy ended. What the stream
still keeps comes again; this says, for each shard, since when, and what is lost because it is older than the retention.
Changes nothing. It runs where the ingestor runs: `kubectl -n sensors exec deploy/ingestor -- python -m ...`.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import asyncpg

from apps.ingestor.leases import Lease, LeaseTable
from apps.ingestor.service import INGESTOR
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import KinesisStream, Shard
from apps.platform import aws
from apps.platform.process import FAILED, run
from apps.storage.connection import connect_arguments


async def main(settings: IngestorSettings, _: asyncio.Event) -> int:
    """Print a line for each shard and return the exit code: 0 nothing is missing for ever, 1 something is."""
    client = aws.kinesis(settings, connections=1)
    rng = random.Random()  # noqa: S311 - spreads retries, keeps no secret
    with ThreadPoolExecutor(1) as threads:
        stream = KinesisStream(client, settings.readings_stream, threads, rng)
        stream_id, retention = await stream.describe()
        shards = await stream.list_shards()
    pool = await asyncpg.create_pool(**connect_arguments(settings, "recovery"), min_size=1, max_size=1)
    try:
        leases = await LeaseTable(pool, "recovery", settings.lease_seconds).read(stream_id)
    finally:
        await pool.close()
    lost = False
    for is_lost, line in report(shards, leases, retention):
        print(line)
        lost |= is_lost
    print("some readings are lost: see above" if lost else "nothing is lost: the stream still keeps all of it")
    return FAILED if lost else 0


def report(shards: Sequence[Shard], leases: Sequence[Lease], retention: timedelta) -> Iterator[tuple[bool, str]]:
    """Yield for each shard of the stream and of the database whether something is lost, and a line for people."""
    known = {lease.shard_id: lease for lease in leases}
    for shard in shards:
        if shard.shard_id not in known:
            yield False, f"{shard.shard_id}: new to this database, read from its oldest record"
    listed = {shard.shard_id for shard in shards}
    for shard_id, lease in known.items():
        since = f"{lease.stored_through:%Y-%m-%dT%H:%M:%SZ}"
        if lease.is_shard_end:
            yield False, f"{shard_id}: stored to its end"
        elif shard_id not in listed:
            yield True, f"{shard_id}: LOST since {since}, the stream no longer has this shard"
        elif lease.lag > retention:
            yield True, f"{shard_id}: LOST from {since} until {_whole(lease.lag - retention)} later; the rest is read"
        else:
            left = f"{_whole(retention - lease.lag)} before the stream forgets it"
            yield False, f"{shard_id}: read again since {since} ({_whole(lease.lag)} ago, {left})"


def _whole(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))


if __name__ == "__main__":
    run(INGESTOR, IngestorSettings, main)
