"""Leases: which worker reads which shard, agreed on through one table and by the database's clock alone.

A lease is taken by raising its epoch, which only one of many takers can do; a write carries the epoch that it was made
under, so what a worker writes after it lost the lease is turned down. A worker takes the free leases up to its share;
when none is free and another holds at least two more, it takes half of the difference from that one.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

import asyncpg

from apps.ingestor.stream import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A row of `shard_leases`, as it stood when it was read."""

    stream: str
    shard_id: str
    parents: tuple[str, ...]
    owner: str | None
    epoch: int
    live: bool
    """Somebody holds it and its time is not over."""
    checkpoint: str | None
    read_until: datetime
    unread: timedelta
    """How long ago `read_until` was, by the database's clock."""
    finished: bool

    def is_same(self, other: "Lease") -> bool:
        """Tell whether nobody took the lease between the two times that it was read."""
        return (self.stream, self.shard_id, self.epoch) == (other.stream, other.shard_id, other.epoch)


def readable(leases: Sequence[Lease]) -> list[Lease]:
    """Return the leases that may be read now: a child waits until its parents are read to their end."""
    unfinished = {lease.shard_id for lease in leases if not lease.finished}
    return [lease for lease in leases if not lease.finished and unfinished.isdisjoint(lease.parents)]


def choose(leases: Sequence[Lease], me: str) -> list[Lease]:
    """Return the leases that the worker `me` should take now, none when the load is even."""
    candidates = readable(leases)
    held = Counter({me: 0})
    held.update(lease.owner for lease in candidates if lease.live and lease.owner)
    # Each worker tries in an order of its own, so that many seldom want the same one.
    candidates.sort(key=lambda lease: crc32(f"{me} {lease.shard_id}".encode()))
    free = [lease for lease in candidates if not lease.live]
    if free:
        share = math.ceil(len(candidates) / len(held))
        return free[: max(0, share - held[me])]
    richest, most = max(held.items(), key=lambda item: item[1])
    return [lease for lease in candidates if lease.owner == richest][: (most - held[me]) // 2]


class LeaseTable:
    """The leases of one stream, for one worker."""

    def __init__(self, pool: asyncpg.Pool, owner: str, lease_seconds: float) -> None:
        self.pool = pool
        self.owner = owner
        self.length = timedelta(seconds=lease_seconds)
        self.timeout = min(3.0, lease_seconds)
        self.stream = ""

    async def sync(self, stream: str, shards: Sequence[Shard]) -> list[str]:
        """Make leases of new shards and drop those of shards that are no more.

        Returns the dropped ones that were not read to their end. `stream` becomes the stream of every other method.
        """
        self.stream = stream
        first, second = ([shard.parents[n] if len(shard.parents) > n else None for shard in shards] for n in (0, 1))
        names = [shard.shard_id for shard in shards]
        await self.pool.execute(_ADD, stream, names, first, second, timeout=self.timeout)
        dropped = await self.pool.fetch(_DROP, stream, names, timeout=self.timeout)
        return [row["shard_id"] for row in dropped if row["stream"] == stream and not row["finished"]]

    async def renew(self, read_until: Mapping[str, datetime]) -> list[Lease]:
        """Renew what this worker holds, note until when its shards are read, and return every lease of the stream."""
        shards, times = list(read_until), list(read_until.values())
        async with self.pool.acquire(timeout=self.timeout) as connection:
            await connection.execute(_RENEW, self.stream, self.owner, self.length, shards, times, timeout=self.timeout)
            rows = await connection.fetch(_READ, self.stream, timeout=self.timeout)
        return [_lease(row) for row in rows]

    async def take(self, leases: Sequence[Lease]) -> list[Lease]:
        """Take `leases`; return those that nobody else took first."""
        taken = []
        for lease in leases:
            row = await self.pool.fetchrow(
                _TAKE, self.stream, lease.shard_id, lease.epoch, self.owner, self.length, timeout=self.timeout
            )
            if row is not None:
                taken.append(_lease(row))
        return taken

    async def end_frozen(self) -> int:
        """End the sessions of workers that froze inside of a transaction, and return how many they were.

        Rows that such a worker inserted and never commits would hold up whoever took over its lease. A session that
        is well never leaves the server waiting for its next message as long as a lease lasts.
        """
        ended: int = await self.pool.fetchval(_END_FROZEN, self.length, timeout=self.timeout)
        return ended

    async def release(self) -> int:
        """Give back everything that this worker holds, so that others need not wait; return how many it was."""
        rows = await self.pool.fetch(_RELEASE, self.stream, self.owner, timeout=self.timeout)
        return len(rows)


def _lease(row: asyncpg.Record) -> Lease:
    return Lease(**dict(row) | {"parents": tuple(row["parents"])})


_COLUMNS = """stream, shard_id, parents, owner, epoch,
    owner IS NOT NULL AND expires_at > clock_timestamp() AS live,
    checkpoint, read_until, clock_timestamp() - read_until AS unread, finished"""

_ADD = """
INSERT INTO shard_leases (stream, shard_id, parents)
SELECT $1, shard_id, array_remove(ARRAY[first, second], NULL)
FROM unnest($2::text[], $3::text[], $4::text[]) AS shard (shard_id, first, second)
ON CONFLICT DO NOTHING
"""

# Also those of an earlier stream of the same name.
_DROP = """
DELETE FROM shard_leases
WHERE split_part(stream, '/', 1) = split_part($1, '/', 1) AND NOT (stream = $1 AND shard_id = ANY ($2))
RETURNING stream, shard_id, finished
"""

_RENEW = """
UPDATE shard_leases
SET expires_at = clock_timestamp() + $3,
    read_until = coalesce((SELECT until FROM unnest($4::text[], $5::timestamptz[]) AS read (shard, until)
                           WHERE shard = shard_id), read_until)
WHERE stream = $1 AND owner = $2 AND NOT finished
"""

_READ = f"SELECT {_COLUMNS} FROM shard_leases WHERE stream = $1 ORDER BY shard_id"  # noqa: S608

_TAKE = f"""
UPDATE shard_leases SET owner = $4, epoch = epoch + 1, expires_at = clock_timestamp() + $5
WHERE stream = $1 AND shard_id = $2 AND epoch = $3 AND NOT finished
RETURNING {_COLUMNS}
"""  # noqa: S608

_RELEASE = """
UPDATE shard_leases SET owner = NULL, expires_at = NULL WHERE stream = $1 AND owner = $2 RETURNING shard_id
"""

# No timeout of PostgreSQL covers this: between the messages of one statement a session counts as active.
_END_FROZEN = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database() AND xact_start IS NOT NULL
AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - $1::interval
"""
