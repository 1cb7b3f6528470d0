"""The parts of the reading log in the database: who judges each, how far, and what is remembered of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from apps.rules.evaluator import Evaluator
from apps.rules.memory import dump, load
from apps.storage import reading_log
from apps.storage.connection import Connection
from apps.storage.reading_log import PARTITIONS, LoggedReading, Position


@dataclass(frozen=True, slots=True)
class Lease:
    """Who judges a part."""

    partition: int
    owner: str | None
    epoch: int
    is_active: bool

    @property
    def name(self) -> str:
        """What it is a lease of."""
        return str(self.partition)


@dataclass(slots=True)
class Held:
    """A part that this process judges: what it knows, and up to where."""

    partition: int
    epoch: int
    evaluator: Evaluator
    position: Position
    is_seeded: bool = False
    """Memory began from the newest readings, not from a checkpoint."""
    is_stale: bool = True
    """Rules or devices changed since it was last compared with them."""
    written_at: float = float("-inf")
    unwritten: int = 0
    """Readings that were judged since."""


async def make(connection: Connection) -> None:
    """Make the rows of the parts, where they are not there yet."""
    await connection.execute(
        "INSERT INTO rule_partitions (partition) SELECT * FROM generate_series(0, $1) ON CONFLICT DO NOTHING",
        PARTITIONS - 1,
    )


async def leases(connection: Connection) -> list[Lease]:
    """Return who judges which part."""
    return [Lease(**dict(row)) for row in await connection.fetch(_LEASES)]


async def renew(connection: Connection, worker_id: str, duration: timedelta) -> None:
    """Renew the leases that a worker holds."""
    await connection.execute(_RENEW, worker_id, duration)


async def release(connection: Connection, worker_id: str) -> None:
    """Give back the leases that a worker holds, so that others need not wait."""
    await connection.execute("UPDATE rule_partitions SET owner = NULL, expires_at = NULL WHERE owner = $1", worker_id)


async def take(connection: Connection, lease: Lease, worker_id: str, duration: timedelta) -> Held | None:
    """Take a lease with what is remembered of its part; None when somebody else was quicker.

    Where nothing is remembered, or more was stored since than the log keeps, memory begins from the newest readings.
    """
    async with connection.transaction(isolation="repeatable_read"):
        try:
            row = await connection.fetchrow(
                _TAKE, lease.partition, lease.epoch, worker_id, duration, reading_log.RETENTION / 2
            )
        except asyncpg.SerializationError:
            return None
        if row is None:
            return None
        evaluator = Evaluator({} if row["memory"] is None else load(row["memory"]))
        position = Position(row["seen_below"], tuple(row["under_way"]))
        now = await reading_log.current_position(connection)
        # A log that was lost, or numbers of another database: it was restored from a copy.
        seeds = row["memory"] is None or row["is_too_old"] or position.xmax > now.xmax
        if seeds:
            evaluator.seed(await _latest(connection, lease.partition))
            position = now
    return Held(lease.partition, row["epoch"], evaluator, position, is_seeded=seeds)


async def checkpoint(connection: Connection, held: Held) -> bool:
    """Write what is remembered of a part, and delete what of the log is judged; tell whether the lease was still held.

    Inside the transaction that writes the alerts which follow from it.
    """
    written = await connection.fetchval(
        _CHECKPOINT,
        held.partition,
        held.epoch,
        held.position.xmax,
        list(held.position.under_way),
        dump(held.evaluator.memories),
    )
    if written is None:
        return False
    await reading_log.forget(connection, held.partition, held.position)
    return True


async def _latest(connection: Connection, partition: int) -> Sequence[LoggedReading]:
    rows = await connection.fetch("SELECT device_id, metric, ts, value, received_at FROM latest_readings")
    return [
        LoggedReading(
            row["device_id"],
            row["metric"],
            reading_log.since_epoch(row["ts"]),
            row["value"],
            reading_log.since_epoch(row["received_at"]),
        )
        for row in rows
        if reading_log.partition_of(row["device_id"]) == partition
    ]


_LEASES = """
SELECT partition, owner, epoch, owner IS NOT NULL AND expires_at > clock_timestamp() AS is_active
FROM rule_partitions ORDER BY partition
"""

_RENEW = "UPDATE rule_partitions SET expires_at = clock_timestamp() + $2 WHERE owner = $1"

_TAKE = """
UPDATE rule_partitions SET owner = $3, epoch = epoch + 1, expires_at = clock_timestamp() + $4
WHERE partition = $1 AND epoch = $2
RETURNING epoch, memory, seen_below, under_way,
    checkpoint_at < now() - $5::interval AS is_too_old
"""

_CHECKPOINT = """
UPDATE rule_partitions SET seen_below = $3, under_way = $4, memory = $5, checkpoint_at = clock_timestamp()
WHERE partition = $1 AND epoch = $2
RETURNING true
"""
