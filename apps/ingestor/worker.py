"""One worker: renews its leases, reads each shard that it holds, and begins again whatever ended."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError

from apps.ingestor.leases import Lease, LeaseTable, choose, readable
from apps.ingestor.metrics import FROZEN_SESSIONS, LEASE_CHANGES, LEASES, RESTARTS, RETENTION_GAPS, UNREAD_SHARDS
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.shard import ShardConsumer
from apps.ingestor.stream import Stream
from apps.ingestor.writer import FencedError, Writer

log = logging.getLogger(__name__)

SYNC_SECONDS = 30.0
"""Time between two looks at the stream's shards; the end of a shard is followed by one at once."""

FINISH_SECONDS = 5.0
"""Time that open writes get when the process stops; whoever comes next reads again what they would have covered."""

FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, BotoCoreError, ClientError)
"""What a database or a stream out of reach looks like: normal life, logged in one line."""


def owner_name() -> str:
    """Return a name that no other worker has, nor this one after a restart."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


class Worker:
    """Reads its share of the stream's shards until `stopping` is set."""

    def __init__(
        self, stream: Stream, table: LeaseTable, writer: Writer, settings: IngestorSettings, stopping: asyncio.Event
    ) -> None:
        self._stream = stream
        self._table = table
        self._writer = writer
        self._settings = settings
        self._stopping = stopping
        self._round_seconds = min(1.5, settings.lease_seconds / 10)
        self._consumers: dict[str, tuple[ShardConsumer, asyncio.Task[None]]] = {}
        self._sync_now = asyncio.Event()
        self._round_now = asyncio.Event()
        self._retention = timedelta()
        self._renewed = float("-inf")
        self._failure = "the leases were not read yet"

    async def run(self) -> None:
        """Work until `stopping` is set, then finish open writes and give the leases back."""
        loops = [asyncio.create_task(self._keep_synced()), asyncio.create_task(self._keep_leases())]
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({stopped, *loops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopped, *loops):
                task.cancel()
            await self._finish()
        for ended in await asyncio.gather(*loops, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def ready(self) -> str | None:
        """Return why this worker cannot do its work, None when it can."""
        if time.monotonic() - self._renewed > self._settings.lease_seconds:
            return self._failure
        return None

    async def _keep_synced(self) -> None:
        while True:
            wait = SYNC_SECONDS
            self._sync_now.clear()
            try:
                stream, self._retention = await self._stream.describe()
                dropped = await self._table.sync(stream, await self._stream.shards())
            except FAULTS as error:
                wait = self._fail("cannot look at the shards", error)
            else:
                self._round_now.set()
                for shard_id in dropped:
                    RETENTION_GAPS.inc()
                    log.error("shard %s is gone before it was read to its end: the rest is lost", shard_id)
            await _wait_for(self._sync_now, wait)

    async def _keep_leases(self) -> None:
        while True:
            self._round_now.clear()
            try:
                await self._round()
            except FAULTS as error:
                self._fail("cannot renew the leases", error)
                if time.monotonic() - self._renewed > self._settings.lease_seconds:
                    # They are another's by now. And a connection that hangs is let go, not waited for.
                    self._match({})
            await _wait_for(self._round_now, self._round_seconds)

    async def _round(self) -> None:
        if not self._table.stream:
            return
        leases = await self._table.renew(
            {shard_id: consumer.position.read_until for shard_id, (consumer, _) in self._consumers.items()}
        )
        taken = await self._table.take(choose(leases, self._table.owner))
        if ended := await self._table.end_frozen():
            FROZEN_SESSIONS.inc(ended)
            log.warning("ended %d sessions that a frozen worker left inside of a transaction", ended)
        self._renewed = time.monotonic()
        LEASE_CHANGES.labels("taken").inc(len(taken))
        mine = {lease.shard_id: lease for lease in leases if lease.owner == self._table.owner and not lease.finished}
        mine |= {lease.shard_id: lease for lease in taken}
        LEASES.set(len(mine))
        UNREAD_SHARDS.set(sum(not lease.live and lease.shard_id not in mine for lease in readable(leases)))
        self._match(mine)

    def _match(self, mine: Mapping[str, Lease]) -> None:
        """Have a consumer for each lease of `mine`, and none without."""
        for shard_id, (consumer, task) in list(self._consumers.items()):
            lease = mine.get(shard_id)
            if task.done():
                del self._consumers[shard_id]
            elif not (lease and consumer.lease.is_same(lease)) and not task.cancelling():
                task.cancel()
                LEASE_CHANGES.labels("lost").inc()
        for shard_id, lease in mine.items():
            if shard_id not in self._consumers:
                consumer = ShardConsumer(lease, self._stream, self._writer, self._settings, self._stopping)
                task = asyncio.create_task(consumer.run(self._retention), name=shard_id)
                task.add_done_callback(partial(self._ended, shard_id))
                self._consumers[shard_id] = consumer, task

    def _ended(self, shard_id: str, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None or isinstance(error, ClientError):
            self._sync_now.set()  # the shard is at its end, or perhaps gone
        if error is None:
            return
        # The next round begins again at the checkpoint, if the lease is still held.
        RESTARTS.labels(type(error).__name__).inc()
        expected = isinstance(error, (*FAULTS, FencedError))
        log.log(
            logging.WARNING if expected else logging.ERROR,
            "reading shard %s begins again at its checkpoint: %s: %s",
            shard_id,
            type(error).__name__,
            error,
            exc_info=None if expected else error,
        )

    def _fail(self, what: str, error: BaseException) -> float:
        """Say what failed and return the time to wait before trying again, in seconds."""
        self._failure = f"{what}: {type(error).__name__}: {error}"
        log.warning(self._failure)
        return self._round_seconds

    async def _finish(self) -> None:
        tasks = {task for _, task in self._consumers.values()}
        if tasks:
            _, open_still = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
            for task in open_still:
                task.cancel()
            if open_still:
                await asyncio.wait(open_still, timeout=1)
        try:
            LEASE_CHANGES.labels("released").inc(await self._table.release())
        except FAULTS as error:
            self._fail("cannot give the leases back; they expire", error)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
