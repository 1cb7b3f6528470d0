"""Leases: the decision as a state machine, the table on a real PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.ingestor.leases import Lease, LeaseTable, compute_leases_to_take, consumable
from apps.ingestor.stream import Shard
from apps.storage.connection import create_pool
from tests.apps.ingestor.support import eventually, settings_of
from tests.support.postgres import TestDatabase


def lease(shard_id: str, parents: tuple[str, ...] = ()) -> Lease:
    return Lease(
        stream="readings/1",
        shard_id=shard_id,
        parents=parents,
        owner=None,
        epoch=0,
        is_active=False,
        checkpoint=None,
        stored_through=datetime(2026, 11, 23, tzinfo=UTC),
        lag=timedelta(),
        is_shard_end=False,
    )


class Sharing(RuleBasedStateMachine):
    """Workers that come, look, hesitate, take, die; shards that split, merge and end. The table is a dictionary."""

    @initialize(count=st.integers(1, 9))
    def begin(self, count: int) -> None:
        self.table = {f"s{n}": lease(f"s{n}") for n in range(count)}
        self.workers = ["w0"]
        self.named = 1
        self.looked: dict[str, list[Lease]] = {}
        self.epochs: dict[tuple[str, int], str] = {}

    def pick(self, data: st.DataObject, items: Iterable[str]) -> str:
        return data.draw(st.sampled_from(sorted(items)))

    @rule()
    def a_worker_comes(self) -> None:
        self.workers.append(f"w{self.named}")
        self.named += 1

    @precondition(lambda self: len(self.workers) > 1)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        self.workers.remove(self.pick(data, self.workers))

    @rule(data=st.data())
    def a_lease_expires(self, data: st.DataObject) -> None:
        name = self.pick(data, self.table)
        self.table[name] = replace(self.table[name], is_active=False)

    @rule(data=st.data())
    def a_worker_looks(self, data: st.DataObject) -> None:
        self.look(self.pick(data, self.workers))

    @rule(data=st.data())
    def a_worker_takes_what_it_chose_when_it_looked(self, data: st.DataObject) -> None:
        self.take(self.pick(data, self.workers))

    @rule(data=st.data())
    def a_shard_splits(self, data: st.DataObject) -> None:
        name = self.pick(data, self.table)
        for half in "ab":
            self.table.setdefault(name + half, lease(name + half, (name,)))

    @rule(data=st.data())
    def two_shards_merge(self, data: st.DataObject) -> None:
        first, second = self.pick(data, self.table), self.pick(data, self.table)
        self.table.setdefault(f"{first}+{second}", lease(f"{first}+{second}", (first, second)))

    @rule(data=st.data())
    def a_shard_that_is_held_ends(self, data: st.DataObject) -> None:
        held = [name for name, lease in self.table.items() if lease.is_active and not lease.is_shard_end]
        if held:
            name = self.pick(data, held)
            self.table[name] = replace(self.table[name], is_shard_end=True)

    def look(self, worker: str) -> None:
        for name, lease in self.table.items():
            if lease.owner == worker and not lease.is_shard_end:
                self.table[name] = replace(lease, is_active=True)
        self.looked[worker] = compute_leases_to_take(list(self.table.values()), worker)

    def take(self, worker: str) -> None:
        for seen in self.looked.pop(worker, ()):
            now = self.table[seen.shard_id]
            if now.epoch == seen.epoch and not now.is_shard_end:
                taken = replace(now, owner=worker, epoch=now.epoch + 1, is_active=True)
                self.table[seen.shard_id] = taken
                assert self.epochs.setdefault((seen.shard_id, taken.epoch), worker) == worker
                assert all(self.table[parent].is_shard_end for parent in taken.parents if parent in self.table)

    @invariant()
    def a_child_is_not_held_before_its_parents_end(self) -> None:
        for held in getattr(self, "table", {}).values():
            if held.owner:
                assert all(self.table[parent].is_shard_end for parent in held.parents)

    def teardown(self) -> None:
        """Whatever happened: left alone, the workers share evenly, and then leave each other in peace."""
        if not hasattr(self, "table"):
            return
        self.table = {
            name: replace(lease, is_active=lease.is_active and lease.owner in self.workers)
            for name, lease in self.table.items()
        }
        for _ in range(2 * len(self.table) + 2):
            for worker in self.workers:
                self.look(worker)
            for worker in self.workers:
                self.take(worker)
        shares = consumable(list(self.table.values()))
        assert all(lease.is_active and lease.owner in self.workers for lease in shares)
        held = Counter(dict.fromkeys(self.workers, 0))
        held.update(lease.owner for lease in shares if lease.owner)
        assert max(held.values()) - min(held.values()) <= 1
        assert not any(compute_leases_to_take(list(self.table.values()), worker) for worker in self.workers)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class MakeTable(Protocol):
    """Makes the lease table of one worker."""

    async def __call__(self, worker_id: str, seconds: float = 60) -> LeaseTable: ...


@pytest.fixture
async def table(database: TestDatabase) -> AsyncIterator[MakeTable]:
    """Make lease tables, one for each worker."""
    pools: list[asyncpg.Pool] = []

    async def make(worker_id: str, seconds: float = 60) -> LeaseTable:
        chosen = settings_of(database, "readings", DATABASE_CONNECTIONS="10")
        pools.append(await create_pool(chosen, worker_id))
        leases = LeaseTable(pools[-1], worker_id, seconds)
        await leases.sync("readings/1", [Shard("a", ()), Shard("b", ("a",)), Shard("c", ("a", "b"))])
        return leases

    yield make
    for pool in pools:
        pool.terminate()


async def test_shards_become_leases_once_with_their_parents(table: MakeTable) -> None:
    first = await table("w1")
    (a,) = await first.take(compute_leases_to_take(await first.renew({}), "w1"))
    again = await (await table("w2")).renew({})
    assert [(lease.shard_id, lease.parents, lease.owner, lease.epoch) for lease in again] == [
        ("a", (), "w1", 1),
        ("b", ("a",), None, 0),
        ("c", ("a", "b"), None, 0),
    ]
    assert a.is_active
    assert a.epoch == 1


async def test_of_a_hundred_takers_one_wins_each_epoch(table: MakeTable) -> None:
    tables = [await table(f"w{n}") for n in range(4)]
    for epoch in range(1, 6):
        leases = [lease for lease in await tables[0].renew({}) if lease.shard_id == "a"]
        taken = await asyncio.gather(*(tables[n % 4].take(leases) for n in range(100)))
        won = [lease for leases in taken for lease in leases]
        assert [lease.epoch for lease in won] == [epoch]


async def test_a_lease_lives_by_the_databases_clock_until_it_is_not_renewed(table: MakeTable) -> None:
    worker, other = await table("w1", seconds=0.5), await table("w2", seconds=0.5)
    await worker.take(compute_leases_to_take(await worker.renew({}), "w1"))
    for _ in range(10):
        assert (await worker.renew({}))[0].is_active
        assert (await other.renew({}))[0].is_active
        await asyncio.sleep(0.1)

    async def expired() -> bool:
        return not (await other.renew({}))[0].is_active

    await eventually(expired)
    (taken,) = await other.take(compute_leases_to_take(await other.renew({}), "w2"))
    assert (taken.owner, taken.epoch) == ("w2", 2)


async def test_renewing_notes_until_when_each_shard_was_read(table: MakeTable) -> None:
    worker = await table("w1")
    await worker.take(compute_leases_to_take(await worker.renew({}), "w1"))
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    first = (await worker.renew({"a": hour_ago, "b": hour_ago}))[0]
    assert first.stored_through == hour_ago
    assert timedelta(minutes=59) < first.lag < timedelta(minutes=61)
    leases = await worker.renew({})
    assert leases[0].stored_through == hour_ago
    assert leases[1].stored_through > hour_ago  # not held, so not this worker's to say


async def test_what_is_released_can_be_taken_at_once(table: MakeTable) -> None:
    worker, other = await table("w1"), await table("w2")
    await worker.take(compute_leases_to_take(await worker.renew({}), "w1"))
    assert compute_leases_to_take(await other.renew({}), "w2") == []
    assert await worker.release() == 1
    (taken,) = await other.take(compute_leases_to_take(await other.renew({}), "w2"))
    assert (taken.owner, taken.epoch) == ("w2", 2)


async def test_shards_that_are_gone_lose_their_leases_and_unread_ones_are_told(table: MakeTable) -> None:
    worker = await table("w1")
    await worker.pool.execute("UPDATE shard_leases SET finished = true WHERE shard_id = 'a'")
    assert await worker.sync("readings/1", [Shard("c", ("a", "b"))]) == ["b"]
    assert [lease.shard_id for lease in consumable(await worker.renew({}))] == ["c"]


async def test_a_stream_made_anew_under_the_same_name_begins_anew(table: MakeTable) -> None:
    worker = await table("w1")
    await worker.take(compute_leases_to_take(await worker.renew({}), "w1"))
    await worker.pool.execute("UPDATE shard_leases SET finished = true, checkpoint = '5'")
    await worker.pool.execute("INSERT INTO shard_leases (stream, shard_id) VALUES ('other/1', 'a')")
    assert await worker.sync("readings/2", [Shard("a", ())]) == []
    (fresh,) = await worker.renew({})
    assert (fresh.stream, fresh.checkpoint, fresh.is_shard_end, fresh.epoch) == ("readings/2", None, False, 0)
    assert await worker.pool.fetchval("SELECT count(*) FROM shard_leases") == 2
