"""Leases: which worker reads which shard, as `apps.storage.leases` has it.

In the manner of the Kinesis Client Library (KCL): `Lease.epoch` is its leaseCounter, `compute_leases_to_take` its
LeaseTaker, and a shard that was read to its end has the checkpoint SHARD_END.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from apps.ingestor.stream import Shard
from apps.storage.leases import leases_to_take, terminate_stale_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A row of `shard_leases`, as it stood when it was read."""

    stream: str
    shard_id: str
    parents: tuple[str, ...]
    owner: str | None
    epoch: int
    is_active: bool
    """Somebody holds it and its time is not over."""
    checkpoint: str | None
    stored_through: datetime
    """All that arrived before this time is stored."""
    lag: timedelta
    """How long ago `stored_through` was, by the database's clock."""
    is_shard_end: bool
    """The shard is closed and all of it is stored."""

    @property
    def name(self) -> str:
        """What it is a lease of."""
        return self.shard_id

    def is_same(self, other: "Lease") -> bool:
        """Tell whether nobody took the lease between the two times that it was read."""
        return (self.stream, self.shard_id, self.epoch) == (other.stream, other.shard_id, other.epoch)


def consumable(leases: Sequence[Lease]) -> list[Lease]:
    """Return the leases whose shards may be read now: a child waits until its parents are read to their end."""
    unfinished = {lease.shard_id for lease in leases if not lease.is_shard_end}
    return [lease for lease in leases if not lease.is_shard_end and unfinished.isdisjoint(lease.parents)]


def compute_leases_to_take(leases: Sequence[Lease], worker_id: str) -> list[Lease]:
    """Return the leases that the worker should take now, none when the load is even."""
    return leases_to_take(consumable(leases), worker_id)


class LeaseTable:
    """The leases of one stream, for one worker."""

    def __init__(self, pool: asyncpg.Pool, worker_id: str, lease_seconds: float) -> None:
        self.pool = pool
        self.worker_id = worker_id
        self.lease_duration = timedelta(seconds=lease_seconds)
        self.timeout = min(3.0, lease_seconds)
        self.stream = ""

    async def sync(self, stream: str, shards: Sequence[Shard]) -> list[str]:
        """Make leases of new shards and drop those of shards that are no more.

        Returns the dropped ones that were not read to their end. `stream` becomes the stream of every other method.
        """
        self.stream = stream
        first, second = ([shard.parents[n] if len(shard.parents) > n else None for shard in shards] for n in (0, 1))
        shard_ids = [shard.shard_id for shard in shards]
        await self.pool.execute(_INSERT, stream, shard_ids, first, second, timeout=self.timeout)
        dropped = await self.pool.fetch(_DELETE, stream, shard_ids, timeout=self.timeout)
        return [row["shard_id"] for row in dropped if row["stream"] == stream and not row["finished"]]

    async def read(self, stream: str) -> list[Lease]:
        """Return every lease of a stream."""
        return [_lease(row) for row in await self.pool.fetch(_SELECT, stream, timeout=self.timeout)]

    async def renew(self, stored_through: Mapping[str, datetime]) -> list[Lease]:
        """Renew what this worker holds, note up to when its shards are stored, and return every lease of the stream."""
        shard_ids, times = list(stored_through), list(stored_through.values())
        async with self.pool.acquire(timeout=self.timeout) as connection:
            await connection.execute(
                _RENEW, self.stream, self.worker_id, self.lease_duration, shard_ids, times, timeout=self.timeout
            )
            rows = await connection.fetch(_SELECT, self.stream, timeout=self.timeout)
        return [_lease(row) for row in rows]

    async def take(self, leases: Sequence[Lease]) -> list[Lease]:
        """Take `leases`; return those that nobody else took first."""
        taken = []
        for lease in leases:
            row = await self.pool.fetchrow(
                _TAKE,
                self.stream,
                lease.shard_id,
                lease.epoch,
                self.worker_id,
                self.lease_duration,
                timeout=self.timeout,
            )
            if row is not None:
                taken.append(_lease(row))
        return taken

    async def terminate_stale_sessions(self) -> int:
        """Terminate the sessions of workers that froze inside of a transaction, and return how many they were."""
        async with self.pool.acquire(timeout=self.timeout) as connection:
            async with asyncio.timeout(self.timeout):
                return await terminate_stale_sessions(connection, self.lease_duration)

    async def release(self) -> int:
        """Give back everything that this worker holds, so that others need not wait; return how many it was."""
        rows = await self.pool.fetch(_RELEASE, self.stream, self.worker_id, timeout=self.timeout)
        return len(rows)


def _lease(row: asyncpg.Record) -> Lease:
    return Lease(**dict(row) | {"parents": tuple(row["parents"])})


_COLUMNS = """stream, shard_id, parents, owner, epoch,
    owner IS NOT NULL AND expires_at > clock_timestamp() AS is_active,
    checkpoint, read_until AS stored_through, clock_timestamp() - read_until AS lag, finished AS is_shard_end"""

_INSERT = """
INSERT INTO shard_leases (stream, shard_id, parents)
SELECT $1, shard_id, array_remove(ARRAY[first, second], NULL)
FROM unnest($2::text[], $3::text[], $4::text[]) AS shard (shard_id, first, second)
ON CONFLICT DO NOTHING
"""

# Also those of an earlier stream of the same name.
_DELETE = """
DELETE FROM shard_leases
WHERE split_part(stream, '/', 1) = split_part($1, '/', 1) AND NOT (stream = $1 AND shard_id = ANY ($2))
RETURNING stream, shard_id, finished
"""

_RENEW = """
UPDATE shard_leases
SET expires_at = clock_timestamp() + $3,
    read_until = coalesce((SELECT until FROM unnest($4::text[], $5::timestamptz[]) AS stored (shard, until)
                           WHERE shard = shard_id), read_until)
WHERE stream = $1 AND owner = $2 AND NOT finished
"""

_SELECT = f"SELECT {_COLUMNS} FROM shard_leases WHERE stream = $1 ORDER BY shard_id"  # noqa: S608

_TAKE = f"""
UPDATE shard_leases SET owner = $4, epoch = epoch + 1, expires_at = clock_timestamp() + $5
WHERE stream = $1 AND shard_id = $2 AND epoch = $3 AND NOT finished
RETURNING {_COLUMNS}
"""  # noqa: S608

_RELEASE = """
UPDATE shard_leases SET owner = NULL, expires_at = NULL WHERE stream = $1 AND owner = $2 RETURNING shard_id
"""
