"""Workers on a database of the test's own, and what the reference says of the same readings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from apps.domain.readings import StoredReading
from apps.domain.rule_document import parse_rule
from apps.domain.rule_reference import firings
from apps.domain.rules import RuleSpec
from apps.platform.settings import load
from apps.rules.settings import RulesSettings
from apps.rules.worker import Worker
from apps.storage.connection import connect_arguments
from apps.storage.reading_log import PARTITIONS, since_epoch
from apps.storage.readings import register_unknown, store
from apps.storage.rules import save_rule
from tests.support.postgres import TestDatabase

Commit = Sequence[StoredReading]

Stretch = tuple[int, int | None]
"""Since when a rule fired, and when it was over."""


def rule(rule_id: str = "r", **parts: Any) -> RuleSpec:
    given = {"condition": {"type": "above", "threshold": 50, "clear": 45}, "scope": {"metrics": ["m"]}}
    return parse_rule({"rule_id": rule_id, "name": "Too much"} | given | parts)


def settings_of(database: TestDatabase, **environment: str) -> RulesSettings:
    quick = {"LOOK_SECONDS": "0.1", "CHECKPOINT_SECONDS": "0.1", "LEASE_SECONDS": "1", "CHUNK_COMMITS": "3"}
    return load(RulesSettings, database.environment("rules") | quick | environment)


class Running:
    """A worker as a process would run it."""

    def __init__(self, database: TestDatabase, **environment: str) -> None:
        settings = settings_of(database, **environment)
        self.stopping = asyncio.Event()
        self.worker = Worker(settings, connect_arguments(settings, "rules"), self.stopping)
        self.task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        """As SIGTERM would."""
        self.stopping.set()
        await self.task

    async def kill(self) -> None:
        """Die in the middle of whatever it does, and give nothing back."""
        self.task.cancel()
        await asyncio.wait({self.task})


@asynccontextmanager
async def running(database: TestDatabase, **environment: str) -> AsyncIterator[Running]:
    started = Running(database, **environment)
    try:
        yield started
    finally:
        await started.kill()


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def keep(connection: asyncpg.Connection, *rules: RuleSpec) -> None:
    for rule in rules:
        await save_rule(connection, rule, "test", None)


async def commit(connection: asyncpg.Connection, readings: Commit) -> None:
    async with connection.transaction():
        await connection.execute("SELECT ensure_partition($1)", min(reading.ts for reading in readings))
        await register_unknown(connection, readings)
        await store(connection, readings)


async def all_began(connection: asyncpg.Connection) -> bool:
    """Tell whether every part is judged from here on. What was stored before is where it begins from."""
    counted = await connection.fetchval("SELECT count(*) FROM rule_partitions WHERE memory IS NOT NULL")
    return bool(counted == PARTITIONS)


async def all_judged(connection: asyncpg.Connection) -> bool:
    return not await connection.fetchval("SELECT count(*) FROM reading_log")


def expected(rules: Iterable[RuleSpec], commits: Sequence[Commit]) -> dict[tuple[str, str], list[Stretch]]:
    """Return when each rule fires for each series, by the reference, over what was new as it was committed."""
    series: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for readings in commits:
        for reading in sorted(readings, key=lambda rule: rule.ts):
            known = series.setdefault((reading.device_id, reading.metric), [])
            time = since_epoch(reading.ts)
            if not known or time > known[-1][0]:
                known.append((time, reading.value))
    found = {}
    for rule in rules:
        for (device_id, metric), values in series.items():
            stretches = [(fired.since, fired.resolved) for fired in firings(rule.for_device(device_id), values)]
            if stretches and rule.scope.covers_metric(metric):
                found[f"{device_id}/{metric}", rule.rule_id] = stretches
    return found


async def reported(connection: asyncpg.Connection) -> dict[tuple[str, str], list[Stretch]]:
    """Return the same from the events of the alerts."""
    found: dict[tuple[str, str], list[Stretch]] = {}
    rows = await connection.fetch(
        "SELECT source, rule, action, happened_at FROM alert_events JOIN alerts USING (alert_id) ORDER BY event_id"
    )
    for row in rows:
        stretches = found.setdefault((row["source"], row["rule"]), [])
        at = since_epoch(row["happened_at"])
        if row["action"] == "resolved":
            since, end = stretches[-1]
            assert end is None
            stretches[-1] = (since, at)
        else:
            assert not stretches or stretches[-1][1] is not None
            stretches.append((at, None))
    return found
