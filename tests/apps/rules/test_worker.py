"""The rules service on a real PostgreSQL: what it opens and resolves, whatever happens to it and to the platform."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from prometheus_client import REGISTRY

from apps.domain.readings import StoredReading
from apps.storage.reading_log import PARTITIONS
from apps.storage.rules import delete_rule
from tests.apps.rules.support import (
    Commit,
    Running,
    all_began,
    all_judged,
    commit,
    expected,
    keep,
    reported,
    rule,
    running,
    until,
)
from tests.support.postgres import TestDatabase

START = datetime(2026, 11, 25, tzinfo=UTC)
SILENT = {"type": "silence", "interval_seconds": 60}


@pytest.fixture
async def connection(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    opened = await database.connect()
    yield opened
    await opened.close()


def at(second: float, value: float = 20, device: str = "d", metric: str = "m") -> StoredReading:
    return StoredReading(device, metric, START + timedelta(seconds=second), value, START + timedelta(seconds=second))


def arrived(device: str, seconds_ago: float, value: float = 20) -> StoredReading:
    now = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return StoredReading(device, "m", now, value, now)


def history(seed: int) -> list[Commit]:
    """Return commits of random walks: some readings late, some twice, some missing."""
    rng = random.Random(seed)
    levels = {f"d{n}": 40.0 for n in range(6)}
    commits: list[Commit] = []
    late: list[StoredReading] = []
    for second in range(0, 600, 5):
        readings: list[StoredReading] = []
        for device in levels:
            levels[device] += rng.uniform(-6, 6)
            if rng.random() < 0.1:
                continue
            fresh = at(second + rng.randrange(5), round(levels[device], 1), device)
            (late if rng.random() < 0.1 else readings).append(fresh)
        if late and rng.random() < 0.5:
            readings.append(late.pop(rng.randrange(len(late))))
        if commits and rng.random() < 0.3:
            readings += rng.sample(list(commits[-1]), 1)
        unique = {(reading.device_id, reading.ts): reading for reading in readings}
        if unique:
            commits.append(list(unique.values()))
    return commits


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_same_alerts_as_the_reference_with_two_replicas_that_are_killed_and_restarted(
    database: TestDatabase, connection: asyncpg.Connection, seed: int
) -> None:
    rules = [
        rule("high", for_seconds=10),
        rule("low", condition={"type": "below", "threshold": 30}, cool_down_seconds=60),
        rule("fast", condition={"type": "rate", "threshold": 30, "per_seconds": 60, "over_seconds": 20}),
    ]
    await keep(connection, *rules)
    rng, commits = random.Random(seed), history(seed)
    workers = [Running(database), Running(database)]
    await until(lambda: all_began(connection))
    try:
        for readings in commits:
            await commit(connection, readings)
            if rng.random() < 0.08:
                index = rng.randrange(2)
                await (workers[index].kill() if rng.random() < 0.7 else workers[index].stop())
                workers[index] = Running(database)
        await until(lambda: all_judged(connection))
    finally:
        for worker in workers:
            await worker.kill()
    assert await reported(connection) == expected(rules, commits)


async def test_what_commits_late_behind_others_is_judged_all_the_same(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    await keep(connection, rule())
    slow = await database.connect()
    await commit(connection, [at(0, 20, "first")])
    async with running(database) as started:
        await until(lambda: all_began(connection))
        transaction = slow.transaction()
        await transaction.start()
        await commit(slow, [at(0, 60, "late")])
        await commit(connection, [at(0, 60, "early")])

        async def early_is_told() -> bool:
            return ("early/m", "r") in await reported(connection)

        await until(early_is_told)
        scans = started.worker.rounds
        await transaction.commit()
        await until(lambda: all_judged(connection))
        assert scans < started.worker.rounds
    await slow.close()
    assert sorted(await reported(connection)) == [("early/m", "r"), ("late/m", "r")]


async def test_after_an_outage_of_the_service_all_that_holds_is_told_once(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    await keep(connection, rule())
    first = Running(database)
    await until(lambda: all_began(connection))
    await commit(connection, [at(0, 60)])
    await until(lambda: all_judged(connection))
    await first.stop()
    commits = [[at(second, 60 if second % 20 < 10 else 40, f"d{second % 7}")] for second in range(1, 200)]
    for readings in commits:
        await commit(connection, readings)
    async with running(database):
        await until(lambda: all_judged(connection))
    assert await reported(connection) == expected([rule()], [[at(0, 60)], *commits])


def hour(device: str, *stretches: tuple[int, int, float]) -> list[StoredReading]:
    """What a device sends every 100 s: from so many seconds ago until so many, with this value."""
    return [arrived(device, ago, value) for since, until, value in stretches for ago in range(since, until, -100)]


async def test_an_outage_of_an_hour_misses_nothing_that_holds_doubles_nothing_and_is_no_alert_itself(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    """Both replicas are killed; the hour is the readings' own, and that of the checkpoint that is found again."""
    await keep(
        connection,
        rule("high"),
        rule("silent", condition={"type": "silence", "interval_seconds": 600}, scope={}),
    )
    before = [
        *hour("steady", (3900, 3600, 20)),
        *hour("lost", (3900, 3600, 20)),
        *hour("paused", (3900, 3600, 20)),
        *hour("rising", (3900, 3600, 20)),
        *hour("brief", (3900, 3600, 20)),
        *hour("hot", (3900, 3600, 60)),
        *hour("cooling", (3900, 3600, 60)),
    ]
    meanwhile = [
        *hour("steady", (3600, 0, 20)),
        *hour("lost", (3600, 3000, 20)),
        *hour("paused", (3600, 3000, 20), (1000, 0, 20)),
        *hour("rising", (3600, 2000, 20), (2000, 0, 60)),
        *hour("brief", (3600, 2500, 20), (2500, 2200, 60), (2200, 0, 20)),
        *hour("hot", (3600, 0, 60)),
        *hour("cooling", (3600, 1500, 60), (1500, 0, 20)),
    ]
    await stream_is_stored_through(connection, 3600)
    workers = [Running(database), Running(database)]
    await until(lambda: all_began(connection))
    for readings in sorted(before, key=lambda reading: reading.ts):
        await commit(connection, [readings])
    await until(lambda: all_judged(connection), 300)
    for worker in workers:
        await worker.kill()
    known = await connection.fetch("SELECT alert_id FROM alerts WHERE state <> 'resolved'")
    assert await unresolved(connection) == {("hot/m", "high"), ("cooling/m", "high")}
    hour_ago = "now() - interval '1 hour'"
    await connection.execute(f"UPDATE rule_partitions SET checkpoint_at = {hour_ago}, expires_at = {hour_ago}")
    await connection.execute("UPDATE alerts SET opened_at = opened_at - interval '1 hour'")

    meanwhile.sort(key=lambda reading: reading.ts)
    for start in range(0, len(meanwhile), 7):
        await commit(connection, meanwhile[start : start + 7])
    await stream_is_stored_through(connection, 0)
    workers = [Running(database), Running(database)]
    scans = [worker.worker.rounds for worker in workers]
    holds = {("hot/m", "high"), ("rising/m", "high"), ("lost", "silent")}

    async def is_told() -> bool:
        return await all_judged(connection) and ("lost", "silent") in await unresolved(connection)

    async def looked_again() -> bool:
        return all(worker.worker.rounds > count + 3 for worker, count in zip(workers, scans, strict=True))

    try:
        await until(is_told, 300)
        scans = [worker.worker.rounds for worker in workers]
        await until(looked_again)
    finally:
        for worker in workers:
            await worker.kill()
    assert await unresolved(connection) == holds
    rows = await connection.fetch("SELECT source, action FROM alert_events JOIN alerts USING (alert_id)")
    assert sorted((row["source"], row["action"]) for row in rows) == [
        ("brief/m", "opened"),
        ("brief/m", "resolved"),
        ("cooling/m", "opened"),
        ("cooling/m", "resolved"),
        ("hot/m", "opened"),
        ("lost", "opened"),
        ("rising/m", "opened"),
    ]
    still = await connection.fetch("SELECT alert_id FROM alerts WHERE source = 'hot/m'")
    assert len(still) == 1
    assert still[0] in known
    since = await connection.fetchval("SELECT now() - since FROM alerts WHERE source = 'rising/m'")
    assert timedelta(seconds=1900) < since < timedelta(seconds=2600), "in the readings' own time, not since the restart"


async def stream_is_stored_through(connection: asyncpg.Connection, seconds_ago: float) -> None:
    await connection.execute(
        "INSERT INTO shard_leases (stream, shard_id, read_until) VALUES ('s', 'shard', now() - $1::interval)"
        "ON CONFLICT (stream, shard_id) DO UPDATE SET read_until = excluded.read_until",
        timedelta(seconds=seconds_ago),
    )


async def unresolved(connection: asyncpg.Connection) -> set[tuple[str, str]]:
    rows = await connection.fetch("SELECT source, rule FROM alerts WHERE state <> 'resolved'")
    return {(row["source"], row["rule"]) for row in rows}


async def test_nobody_is_silent_while_the_platform_is_behind_and_who_is_silent_is_heard_again(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    await keep(connection, rule("silent", condition=SILENT, scope={}))
    await stream_is_stored_through(connection, 250)
    await commit(connection, [arrived("d", 300), arrived("e", 5)])
    async with running(database) as started:
        await until(lambda: all_judged(connection))
        scans = started.worker.rounds

        async def looked() -> bool:
            return started.worker.rounds > scans + 2

        await until(looked)
        assert await unresolved(connection) == set()
        await stream_is_stored_through(connection, 0)

        async def is_silent() -> bool:
            return await unresolved(connection) == {("d", "silent")}

        await until(is_silent)
        alert = await connection.fetchrow("SELECT message, device_id, observed FROM alerts")
        assert alert is not None
        assert alert["message"].startswith("d: Too much. Nothing has arrived for ")
        await commit(connection, [arrived("d", 0)])

        async def is_heard() -> bool:
            return await unresolved(connection) == set()

        await until(is_heard)


async def test_how_late_readings_are_judged_is_measured_whether_or_not_an_alert_comes_of_it(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    def measured(what: str) -> float:
        return REGISTRY.get_sample_value(f"rules_judged_seconds_{what}") or 0

    async with running(database):
        await until(lambda: all_began(connection))
        count, total = measured("count"), measured("sum")
        await commit(connection, [arrived("d", 100), arrived("d", 90)])

        async def is_counted() -> bool:
            return measured("count") == count + 1

        await until(is_counted)
        assert 100 <= measured("sum") - total < 400


async def test_when_a_whole_fleet_falls_silent_at_once_one_alert_says_so(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    await keep(connection, rule("silent", condition=SILENT, scope={}))
    await commit(connection, [arrived(f"d{n}", 300) for n in range(5)])
    async with running(database):

        async def fleet_is_told() -> bool:
            return await unresolved(connection) == {("fleet", "fleet-silent")}

        await until(fleet_is_told)
        await commit(connection, [arrived("d0", 0)])

        async def is_over() -> bool:
            return await unresolved(connection) == set()

        await until(is_over)


async def test_an_alert_is_over_when_its_rule_is_gone_or_no_longer_about_it(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    await keep(connection, rule("gone"), rule("narrowed"), rule("kept"))
    await commit(connection, [at(0, 60)])
    async with running(database):

        async def all_are_open() -> bool:
            return len(await unresolved(connection)) == 3

        # What was there before the service first ran is not judged, so it needs one more.
        await until(lambda: all_judged(connection))
        await commit(connection, [at(1, 60)])
        await until(all_are_open)
        await delete_rule(connection, "gone", "test", None)
        await keep(connection, rule("narrowed", overrides=[{"device_id": "d", "enabled": False}]))

        async def one_is_left() -> bool:
            return await unresolved(connection) == {("d/m", "kept")}

        await until(one_is_left)


async def test_two_workers_share_the_log_and_one_that_stops_gives_its_part_back(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    async def owners() -> list[int]:
        rows = await connection.fetch(
            "SELECT count(*) FROM rule_partitions WHERE expires_at > clock_timestamp() GROUP BY owner ORDER BY 1"
        )
        return [row["count"] for row in rows]

    async def is_shared() -> bool:
        return await owners() == [PARTITIONS // 2] * 2

    async def is_whole() -> bool:
        return await owners() == [PARTITIONS]

    async with running(database):
        second = Running(database)
        await until(is_shared)
        await second.stop()
        await until(is_whole)


async def test_a_worker_waits_for_a_database_that_is_away(database: TestDatabase) -> None:
    async with running(database, DATABASE_PORT="1") as started:

        async def is_said() -> bool:
            return "cannot connect" in str(await started.worker.ready())

        await until(is_said)
        assert not started.task.done()
