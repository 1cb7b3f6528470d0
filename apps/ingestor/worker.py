"""One worker: renews its leases, reads each shard that it holds, and begins again whatever ended."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError

from apps.ingestor.clock import Clock
from apps.ingestor.leases import Lease, LeaseTable, compute_leases_to_take, consumable
from apps.ingestor.metrics import FROZEN_SESSIONS, LEASE_CHANGES, LEASES, RESTARTS, RETENTION_GAPS, UNREAD_SHARDS
from apps.ingestor.settings import IngestorSettings
from apps.ingestor.shard import ShardConsumer
from apps.ingestor.stream import KinesisStream
from apps.ingestor.writer import Writer
from apps.storage.errors import FencedError

log = logging.getLogger(__name__)

SHARD_SYNC_SECONDS = 30.0
"""Time between two looks at the stream's shards; the end of a shard is followed by one at once."""

DRAIN_SECONDS = 5.0
"""Time that open writes get when the process stops; whoever comes next reads again what they would have covered."""

TRANSIENT_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says when the server dies in the middle of an answer
    OSError,
    TimeoutError,
    BotoCoreError,
    ClientError,
)
"""What a database or a stream out of reach looks like: normal life, logged in one line."""


class Worker:
    """Reads its share of the stream's shards until `stopping` is set."""

    def __init__(
        self,
        stream: KinesisStream,
        table: LeaseTable,
        writer: Writer,
        settings: IngestorSettings,
        stopping: asyncio.Event,
        clock: Clock,
    ) -> None:
        self._stream = stream
        self._table = table
        self._writer = writer
        self._settings = settings
        self._stopping = stopping
        self._clock = clock
        self._renewal_seconds = min(1.5, settings.lease_seconds / 10)
        self._consumers: dict[str, tuple[ShardConsumer, asyncio.Task[None]]] = {}
        self._sync_now = asyncio.Event()
        self._renew_now = asyncio.Event()
        self._retention = timedelta()
        self._renewed_at = float("-inf")
        self._last_error = "the leases were not read yet"

    async def run(self) -> None:
        """Work until `stopping` is set, then finish open writes and give the leases back."""
        loops = [asyncio.create_task(self._sync_shards()), asyncio.create_task(self._hold_leases())]
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({stopped, *loops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopped, *loops):
                task.cancel()
            await self._drain()
        for outcome in await asyncio.gather(*loops, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def ready(self) -> str | None:
        """Return why this worker cannot do its work, None when it can."""
        if self._clock.monotonic() - self._renewed_at > self._settings.lease_seconds:
            return self._last_error
        return None

    async def _sync_shards(self) -> None:
        while True:
            wait = SHARD_SYNC_SECONDS
            self._sync_now.clear()
            try:
                stream_id, self._retention = await self._stream.describe()
                dropped = await self._table.sync(stream_id, await self._stream.list_shards())
            except TRANSIENT_ERRORS as error:
                wait = self._report("cannot look at the shards", error)
            else:
                self._renew_now.set()
                for shard_id in dropped:
                    RETENTION_GAPS.inc()
                    log.error("shard %s is gone before it was read to its end: the rest is lost", shard_id)
            await _wait_for(self._sync_now, wait)

    async def _hold_leases(self) -> None:
        while True:
            self._renew_now.clear()
            try:
                await self._renew_and_take()
            except TRANSIENT_ERRORS as error:
                self._report("cannot renew the leases", error)
                if self._clock.monotonic() - self._renewed_at > self._settings.lease_seconds:
                    # They are another's by now. And a connection that hangs is let go, not waited for.
                    self._reconcile_consumers({})
            await _wait_for(self._renew_now, self._renewal_seconds)

    async def _renew_and_take(self) -> None:
        if not self._table.stream:
            return
        leases = await self._table.renew(
            {shard_id: consumer.checkpoint.stored_through for shard_id, (consumer, _) in self._consumers.items()}
        )
        taken = await self._table.take(compute_leases_to_take(leases, self._table.worker_id))
        if terminated := await self._table.terminate_stale_sessions():
            FROZEN_SESSIONS.inc(terminated)
            log.warning("terminated %d sessions that a frozen worker left inside of a transaction", terminated)
        self._renewed_at = self._clock.monotonic()
        LEASE_CHANGES.labels("taken").inc(len(taken))
        held = {
            lease.shard_id: lease for lease in leases if lease.owner == self._table.worker_id and not lease.is_shard_end
        }
        held |= {lease.shard_id: lease for lease in taken}
        LEASES.set(len(held))
        UNREAD_SHARDS.set(sum(not lease.is_active and lease.shard_id not in held for lease in consumable(leases)))
        self._reconcile_consumers(held)

    def _reconcile_consumers(self, held: Mapping[str, Lease]) -> None:
        """Have a consumer for each lease of `held`, and none without."""
        for shard_id, (consumer, task) in list(self._consumers.items()):
            lease = held.get(shard_id)
            if task.done():
                del self._consumers[shard_id]
            elif not (lease and consumer.lease.is_same(lease)) and not task.cancelling():
                task.cancel()
                LEASE_CHANGES.labels("lost").inc()
        for shard_id, lease in held.items():
            if shard_id not in self._consumers:
                consumer = ShardConsumer(lease, self._stream, self._writer, self._settings, self._stopping, self._clock)
                task = asyncio.create_task(consumer.run(self._retention), name=shard_id)
                task.add_done_callback(partial(self._on_consumer_done, shard_id))
                self._consumers[shard_id] = consumer, task

    def _on_consumer_done(self, shard_id: str, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None or isinstance(error, ClientError):
            self._sync_now.set()  # the shard is at its end, or perhaps gone
        if error is None:
            return
        # The next renewal begins again at the checkpoint, if the lease is still held.
        RESTARTS.labels(type(error).__name__).inc()
        expected = isinstance(error, (*TRANSIENT_ERRORS, FencedError))
        log.log(
            logging.WARNING if expected else logging.ERROR,
            "reading shard %s begins again at its checkpoint: %s: %s",
            shard_id,
            type(error).__name__,
            error,
            exc_info=None if expected else error,
        )

    def _report(self, what: str, error: BaseException) -> float:
        """Say what failed and return the time to wait before trying again, in seconds."""
        self._last_error = f"{what}: {type(error).__name__}: {error}"
        log.warning(self._last_error)
        return self._renewal_seconds

    async def _drain(self) -> None:
        tasks = {task for _, task in self._consumers.values()}
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished, timeout=1)
        try:
            LEASE_CHANGES.labels("released").inc(await self._table.release())
        except TRANSIENT_ERRORS as error:
            self._report("cannot give the leases back; they expire", error)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
