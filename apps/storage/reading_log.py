"""What was stored lately, in the order in which it was committed, for whoever judges each reading once.

`apps.storage.readings.store` adds what is new to it in its own transaction. A reader remembers a position: a snapshot
of the transactions that it has seen. What commits late, behind others that began after it, is not in that snapshot and
is found by the next look, so nothing is missed and nothing is read twice. Rows are deleted once they are read.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zlib import crc32

import msgspec

from apps.domain.readings import StoredReading
from apps.storage.connection import Connection

PARTITIONS = 8
"""Parts of the log, each of some devices, that readers share among themselves. What is in the log and in the memory of
readers is parted by it, so it never changes."""

RETENTION = timedelta(days=1)
"""How long what nobody reads is kept."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LoggedReading(NamedTuple):
    """A reading as the log has it. Times are microseconds since 1970."""

    device_id: str
    metric: str
    ts: int
    value: float
    received_at: int


class Position(NamedTuple):
    """The transactions that a reader has seen: all below `xmax` but those that were under way."""

    xmax: int
    under_way: Sequence[int] = ()

    @property
    def complete_below(self) -> int:
        """Every transaction below this one has been seen."""
        return min((self.xmax, *self.under_way))


class Chunk(NamedTuple):
    """Readings of some commits, in the order of their times in each, and the position after them."""

    commits: list[list[LoggedReading]]
    position: Position
    is_all: bool
    """There was no more to read."""


def partition_of(device_id: str) -> int:
    """Return the part of the log that a device's readings are in."""
    return crc32(device_id.encode()) % PARTITIONS


async def append(connection: Connection, readings: Iterable[StoredReading]) -> None:
    """Add readings that were stored, inside the transaction that stores them."""
    parts: dict[int, list[LoggedReading]] = {}
    for device_id, metric, ts, value, received_at in readings:
        logged = LoggedReading(device_id, metric, since_epoch(ts), value, since_epoch(received_at))
        parts.setdefault(partition_of(device_id), []).append(logged)
    rows = [(partition, msgspec.msgpack.encode(part)) for partition, part in sorted(parts.items())]
    await connection.execute(_INSERT, *zip(*rows, strict=True))


async def current_position(connection: Connection) -> Position:
    """Return the position of a reader that has seen everything up to now, inside a transaction that sees one moment."""
    xmin, xmax, under_way = (await connection.fetchval("SELECT pg_current_snapshot()::text")).split(":")
    return Position(int(xmax), tuple(int(xid) for xid in under_way.split(",") if xid) if xmin != xmax else ())


async def read(connection: Connection, partition: int, after: Position, limit: int) -> Chunk:
    """Return what was committed after a position, some more than `limit` commits at most.

    Inside a transaction that sees one moment (REPEATABLE READ).
    """
    now = await current_position(connection)
    rows = await connection.fetch(_READ, partition, after.xmax, list(after.under_way), limit)
    commits: dict[int, list[LoggedReading]] = {}
    for row in rows:
        commits.setdefault(row["xid"], []).extend(_DECODER.decode(row["readings"]))
    is_all = not rows or not rows[0]["is_cut"]
    if not is_all:
        last = max(commits)
        now = Position(last + 1, tuple(xid for xid in now.under_way if xid <= last))
    return Chunk([sorted(commit, key=_time) for commit in commits.values()], now, is_all)


async def forget(connection: Connection, partition: int, position: Position) -> None:
    """Delete what lies before a position."""
    await connection.execute(
        "DELETE FROM reading_log WHERE partition = $1 AND xid < $2", partition, position.complete_below
    )


def since_epoch(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _time(reading: LoggedReading) -> int:
    return reading.ts


_DECODER = msgspec.msgpack.Decoder(list[LoggedReading])

_INSERT = """
INSERT INTO reading_log (partition, readings) SELECT * FROM unnest($1::smallint[], $2::bytea[])
"""

# All that was under way at the last look and is committed now, and of what began later the first so many transactions.
_READ = """
WITH later AS (
    SELECT DISTINCT xid FROM reading_log WHERE partition = $1 AND xid >= $2 ORDER BY xid LIMIT $4 + 1
), bound AS (
    SELECT CASE WHEN count(*) > $4 THEN max(xid) END AS xid FROM later
)
SELECT reading_log.xid, readings, bound.xid IS NOT NULL AS is_cut
FROM reading_log CROSS JOIN bound
WHERE partition = $1 AND (reading_log.xid = ANY($3::bigint[]) OR reading_log.xid >= $2)
AND (bound.xid IS NULL OR reading_log.xid < bound.xid OR reading_log.xid < $2)
ORDER BY reading_log.xid, position
"""
