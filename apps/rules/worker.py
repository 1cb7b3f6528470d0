"""One worker: takes its share of the reading log, judges what was committed, and writes the alerts that follow."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from apps.domain.rule_reference import moment
from apps.rules import hearing, metrics, partitions
from apps.rules.evaluator import Change
from apps.rules.hearing import Hearing
from apps.rules.messages import anomaly, reason, source
from apps.rules.partitions import Held
from apps.rules.registry import Registry
from apps.rules.settings import RulesSettings
from apps.storage import reading_log
from apps.storage.alerts import clear_alert, raise_alert
from apps.storage.channels import Channel
from apps.storage.errors import FencedError
from apps.storage.leases import leases_to_take, new_worker_id, terminate_stale_sessions

log = logging.getLogger(__name__)

ACTOR = "rules"

IDLE_CHECKPOINT_SECONDS = 600.0
"""Without anything new the position is written after this time, so that it is not taken for one that was lost."""

TRANSIENT_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What a database out of reach looks like: normal life, logged in one line."""


class Worker:
    """Judges its share of the log until `stopping` is set.

    Memory is what was judged. When anything goes wrong, it is thrown away and read again from the last checkpoint,
    which the alerts that follow from it were committed with: so each reading counts exactly once.
    """

    def __init__(
        self,
        settings: RulesSettings,
        connect_arguments: dict[str, Any],
        stopping: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker_id = new_worker_id()
        self.rounds = 0
        self._settings = settings
        self._arguments = connect_arguments
        self._stopping = stopping
        self._clock = clock
        self._duration = timedelta(seconds=settings.lease_seconds)
        self._held: dict[int, Held] = {}
        self._registry = Registry()
        self._hearing = Hearing()
        self._renewed_at = float("-inf")
        self._something_new = asyncio.Event()
        self._last_error = "the leases were not read yet"

    async def run(self) -> None:
        """Work until `stopping` is set, then write what is remembered and give the leases back."""
        while not self._stopping.is_set():
            try:
                connection = await asyncpg.connect(**self._arguments)
            except TRANSIENT_ERRORS as error:
                self._report("cannot connect to the database", error)
                await self._wait(self._settings.look_seconds)
                continue
            try:
                await self._work(connection)
            except TRANSIENT_ERRORS as error:
                self._report("begins again at the last checkpoint", error)
            finally:
                self._held.clear()
                self._renewed_at = float("-inf")
                with suppress(*TRANSIENT_ERRORS):
                    await connection.close(timeout=2)

    async def ready(self) -> str | None:
        """Return why this worker cannot do its work, None when it can."""
        is_fresh = self._clock() - self._renewed_at <= self._settings.lease_seconds
        return None if is_fresh else self._last_error

    async def _work(self, connection: asyncpg.Connection) -> None:
        for channel in (Channel.READINGS, Channel.RULES):
            await connection.add_listener(channel, lambda *_: self._something_new.set())
        await partitions.make(connection)
        while not self._stopping.is_set():
            self._something_new.clear()
            await self._hold(connection)
            unread = await self._look(connection)
            self.rounds += 1
            if not unread:
                await self._wait(self._settings.look_seconds)
        for held in self._held.values():
            async with connection.transaction():
                await partitions.checkpoint(connection, held)
        await partitions.release(connection, self.worker_id)

    async def _hold(self, connection: asyncpg.Connection) -> None:
        """Renew the leases and take more, not more often than it needs."""
        if self._clock() - self._renewed_at < min(1.5, self._settings.lease_seconds / 10):
            return
        await partitions.renew(connection, self.worker_id, self._duration)
        leases = await partitions.leases(connection)
        mine = {lease.partition: lease for lease in leases if lease.owner == self.worker_id}
        for partition, held in list(self._held.items()):
            if partition not in mine or mine[partition].epoch != held.epoch:
                self._drop(partition)
        again = [lease for partition, lease in mine.items() if partition not in self._held]
        for lease in again + leases_to_take(leases, self.worker_id):
            taken = await partitions.take(connection, lease, self.worker_id, self._duration)
            if taken is None:
                continue
            metrics.LEASE_CHANGES.labels("taken").inc()
            self._held[lease.partition] = taken
            if taken.is_seeded:
                metrics.SEEDED.inc()
                await self._write(connection, taken, [])
        if terminated := await terminate_stale_sessions(connection, self._duration):
            log.warning("terminated %d sessions that a frozen worker left inside of a transaction", terminated)
        metrics.LEASED_PARTITIONS.set(len(self._held))
        self._renewed_at = self._clock()

    async def _look(self, connection: asyncpg.Connection) -> bool:
        """Judge what is new in every part, and tell whether there is more."""
        arrivals = await hearing.listen(connection)
        behind, more = 0.0, False
        for partition, held in list(self._held.items()):
            with metrics.LOOK_SECONDS.time():
                try:
                    is_all, age = await self._look_at(connection, held)
                except FencedError:
                    metrics.FENCED_WRITES.inc()
                    self._drop(partition)
                    continue
            more, behind = more or not is_all, max(behind, age)
        metrics.BEHIND_SECONDS.set(behind)
        metrics.LOOKED.set_to_current_time()
        held_back = sum(held.evaluator.held_back for held in self._held.values())
        await self._hearing.tell(connection, arrivals, held_back)
        return more

    async def _look_at(self, connection: asyncpg.Connection, held: Held) -> tuple[bool, float]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            arrivals = await hearing.listen(connection)
            chunk = await reading_log.read(connection, held.partition, held.position, self._settings.chunk_commits)
            is_changed = await self._registry.refresh(connection)
        changes: list[Change] = []
        evaluator = held.evaluator
        before, judged, age = evaluator.history, 0, 0.0
        if is_changed:
            # Every part that this process judges must hear of it, not only the one that was first.
            for other in self._held.values():
                other.is_stale = True
        if held.is_stale:
            changes += evaluator.reconcile(self._registry, self._registry.devices, arrivals.now)
            held.is_stale = False
        for commit in chunk.commits:
            judged += len(commit)
            changes += evaluator.judge(commit, self._registry)
            if not chunk.is_all:
                age = (arrivals.now - max(reading.received_at for reading in commit)) / 1e6
        if chunk.is_all:
            changes += evaluator.silences(self._hearing.horizon(arrivals), self._registry)
        held.position = chunk.position
        held.unwritten += judged
        idle = self._clock() - held.written_at
        if changes or idle > (self._settings.checkpoint_seconds if held.unwritten else IDLE_CHECKPOINT_SECONDS):
            await self._write(connection, held, changes)
        judged_at = datetime.now(UTC).timestamp()
        for commit in chunk.commits:
            received = min((reading.received_at for reading in commit), default=None)
            if received is not None:
                metrics.JUDGED_SECONDS.observe(max(0.0, judged_at - received / 1e6))
        metrics.READINGS_JUDGED.inc(judged)
        metrics.HISTORY.inc(evaluator.history - before)
        return chunk.is_all, age

    async def _write(self, connection: asyncpg.Connection, held: Held, changes: list[Change]) -> None:
        """Commit alerts and the memory that they follow from together, or nothing at all."""
        async with connection.transaction():
            if not await partitions.checkpoint(connection, held):
                raise FencedError(held.partition)
            for change in changes:
                await self._apply(connection, change)
        held.written_at, held.unwritten = self._clock(), 0
        # Of what commits while another transaction is under way, the log keeps the rows until the next checkpoint.
        held.unwritten += held.position.complete_below < held.position.xmax
        committed_at = datetime.now(UTC).timestamp()
        for change in changes:
            metrics.ALERT_CHANGES.labels("opened" if change.is_open else "resolved").inc()
            if change.is_open:
                metrics.OPEN_SECONDS.observe(max(0.0, committed_at - change.received / 1e6))

    async def _apply(self, connection: asyncpg.Connection, change: Change) -> None:
        device_id, _ = change.subject
        if change.is_open and change.rule is not None:
            device = self._registry.devices.get(device_id)
            noticed = anomaly(change, change.rule, device.name if device else None)
            await raise_alert(connection, noticed, ACTOR)
            log.info("alert: %s", noticed.message)
        else:
            over = moment(change.at)
            await clear_alert(connection, source(change), change.rule_id, ACTOR, reason(change), over)

    def _drop(self, partition: int) -> None:
        del self._held[partition]
        metrics.LEASE_CHANGES.labels("lost").inc()

    def _report(self, what: str, error: BaseException) -> None:
        self._last_error = f"{what}: {type(error).__name__}: {error}"
        metrics.RESTARTS.labels(type(error).__name__).inc()
        log.warning(self._last_error)

    async def _wait(self, seconds: float) -> None:
        stop = asyncio.create_task(self._stopping.wait())
        new = asyncio.create_task(self._something_new.wait())
        try:
            await asyncio.wait({stop, new}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            new.cancel()
