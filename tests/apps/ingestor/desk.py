"""A lease, and whoever writes under it."""

import asyncpg

from apps.ingestor.batch import Batch
from apps.ingestor.clock import Clock
from apps.ingestor.leases import Lease, LeaseTable, compute_leases_to_take
from apps.ingestor.records import Record
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.stream import Shard
from apps.ingestor.writer import Checkpoint, Writer
from tests.apps.ingestor.support import START


class Desk:
    """A lease and what is needed to write under it."""

    def __init__(self, pool: asyncpg.Pool, table: LeaseTable, settings: IngestorSettings, lease: Lease) -> None:
        self.pool, self.table, self.settings, self.lease = pool, table, settings, lease
        self.writer = Writer(pool, settings, Clock())
        self.known = Checkpoint(lease.checkpoint, START)

    async def write(self, *records: bytes, is_shard_end: bool = False) -> None:
        batch = Batch(self.settings.readings_retention_months)
        first = int(self.known.sequence_number or 0) + 1
        for number, data in enumerate(records, first):
            batch.add(Record(str(number), START, data))
        last = batch.last_record.sequence_number if batch.last_record else self.known.sequence_number
        after = Checkpoint(last, START, is_shard_end)
        await self.writer.write(self.lease, self.known, batch, after)
        self.known = after

    async def checkpoint(self) -> str | None:
        checkpoint: str | None = await self.pool.fetchval("SELECT checkpoint FROM shard_leases")
        return checkpoint


async def open_desk_on(pool: asyncpg.Pool, settings: IngestorSettings, worker_id: str) -> Desk:
    """Return a desk with the lease of the one shard there is, taken from whoever had it."""
    table = LeaseTable(pool, worker_id, 60)
    await table.sync("readings/1", [Shard("a", ())])
    leases = await table.renew({})
    (lease,) = await table.take(compute_leases_to_take(leases, table.worker_id) or leases)
    return Desk(pool, table, settings, lease)
