"""Leases: who does which part of a shared work, agreed on through one table and by the database's clock alone.

A lease is taken by raising its epoch, which only one of many takers can do; a write carries the epoch that it was made
under, so what a worker writes after it lost the lease is turned down. The tables are those of the services: the
ingestor's shards, the rules' parts of the reading log.
"""

import math
import os
import secrets
import socket
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol, TypeVar
from zlib import crc32

from apps.storage.connection import Connection


class Held(Protocol):
    """What is known of a lease."""

    @property
    def name(self) -> str:
        """What it is a lease of."""

    @property
    def owner(self) -> str | None:
        """Who took it last."""

    @property
    def is_active(self) -> bool:
        """Somebody holds it and its time is not over."""


L = TypeVar("L", bound=Held)


def new_worker_id() -> str:
    """Return an ID that no other worker has, nor this one after a restart."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def leases_to_take(candidates: Sequence[L], worker_id: str) -> list[L]:
    """Return those of the leases that the worker should take now, none when the load is even.

    A worker takes the free ones up to its share; when none is free and another holds at least two more, it takes half
    of the difference from that one.
    """
    held = Counter({worker_id: 0})
    held.update(lease.owner for lease in candidates if lease.is_active and lease.owner)
    # Each worker tries in an order of its own, so that many seldom want the same one.
    ordered = sorted(candidates, key=lambda lease: crc32(f"{worker_id} {lease.name}".encode()))
    free = [lease for lease in ordered if not lease.is_active]
    if free:
        share = math.ceil(len(ordered) / len(held))
        return free[: max(0, share - held[worker_id])]
    most_loaded_worker, its_leases = max(held.items(), key=lambda item: item[1])
    surplus = (its_leases - held[worker_id]) // 2
    return [lease for lease in ordered if lease.owner == most_loaded_worker][:surplus]


async def terminate_stale_sessions(connection: Connection, after: timedelta) -> int:
    """Terminate the sessions of workers that froze inside of a transaction, and return how many they were.

    Rows that such a worker wrote and never commits would hold up whoever took over its lease. A session that is well
    never leaves the server waiting for its next message as long as a lease lasts.
    """
    terminated: int = await connection.fetchval(_TERMINATE_STALE_SESSIONS, after)
    return terminated


# No timeout of PostgreSQL covers this: between the messages of one statement a session counts as active.
_TERMINATE_STALE_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database() AND xact_start IS NOT NULL
AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - $1::interval
"""
