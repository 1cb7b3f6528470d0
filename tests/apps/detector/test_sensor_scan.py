"""Scanning sensors: what is read from a real PostgreSQL, remembered and alerted."""

import json
import math
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from apps.detector import rarity_rule, sensor_scan, state
from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.sensor_scan import scan_sensors
from apps.detector.signals import Direction
from apps.detector.state import SignalState
from tests.support.postgres import TestDatabase

FIVE_MINUTES = 300
MINUTES_OF_HISTORY = 3 * 1440


class Stage:
    """A database with sensors, and the detector's own connection to it."""

    def __init__(self, owner: asyncpg.Connection, detector: asyncpg.Connection, now: float) -> None:
        self.owner, self.detector = owner, detector
        self.end = (now - sensor_scan.ALLOWED_LATENESS_SECONDS) // FIVE_MINUTES * FIVE_MINUTES
        """The end of the newest closed point."""

    async def store(self, device: str, values: list[float | None], end: float, metric: str = "temperature") -> None:
        """Store one value a minute, the last of them in the minute before `end`."""
        first = end - 60 * len(values)
        rows = [(device, metric, first + 60 * index, value) for index, value in enumerate(values) if value is not None]
        await self.owner.executemany(
            "INSERT INTO readings_minute (device_id, metric, minute, count, sum, min, max) "
            "VALUES ($1, $2, to_timestamp($3::float8), 2, $4::float8 * 2, $4, $4)",
            rows,
        )
        await self.owner.execute(
            "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) "
            "VALUES ($1, $2, to_timestamp($3), 0, now()) "
            "ON CONFLICT (device_id, metric) DO UPDATE SET ts = excluded.ts",
            device,
            metric,
            end,
        )

    async def run(self) -> int:
        return (await scan_sensors(self.detector, FIVE_MINUTES, lambda: True)).judged

    async def alerts(self) -> list[asyncpg.Record]:
        return await self.owner.fetch("SELECT * FROM alerts ORDER BY source")

    async def stored(self, signal: str) -> dict[str, Any]:
        memory = await self.owner.fetchval("SELECT memory FROM detector_memory WHERE signal = $1", signal)
        state: dict[str, Any] = json.loads(memory)
        return state


@pytest.fixture
async def stage(database: TestDatabase) -> AsyncIterator[Stage]:
    owner, detector = await database.connect(), await database.connect("detector")
    for days in (-40, -5, 0):
        await owner.execute("SELECT ensure_partition(now() + $1 * interval '1 day')", days)
    now = float(await owner.fetchval("SELECT extract(epoch FROM now())"))
    yield Stage(owner, detector, now)
    await owner.close()
    await detector.close()


def history(minutes: int = MINUTES_OF_HISTORY) -> list[float | None]:
    source = random.Random(1)
    return [20 + 3 * math.sin(index / 1440 * 2 * math.pi) + source.uniform(-0.2, 0.2) for index in range(minutes)]


async def test_an_ordinary_sensor_is_learnt_and_raises_nothing(stage: Stage) -> None:
    await stage.store("device-1", history(), stage.end)
    assert await stage.run() == 1
    assert await stage.alerts() == []
    stored = await stage.stored("sensor:device-1/temperature")
    assert stored["last"] == stage.end
    assert stored["model"]["points"] == MINUTES_OF_HISTORY / 5


async def test_a_sustained_shift_is_one_alert_about_the_device_and_its_metric(stage: Stage) -> None:
    await stage.store("device-1", [*history(), *[48.5] * 5], stage.end)
    await stage.store("device-2", history(), stage.end)
    assert await stage.run() == 2
    (alert,) = await stage.alerts()
    assert (alert["source"], alert["rule"], alert["state"], alert["severity"]) == (
        "device-1/temperature", "rarity", "open", "warning",
    )  # fmt: skip
    assert (alert["model"], alert["model_version"]) == (Rarity.name, Rarity.version)
    assert alert["observed"] == 48.5
    assert 15 < alert["expected"] < 25
    assert alert["score"] >= Rarity.threshold
    assert alert["window_end"].timestamp() == stage.end
    assert alert["window_start"].timestamp() == stage.end - FIVE_MINUTES
    assert await stage.owner.fetchval("SELECT action FROM alert_events") == "opened"


async def test_an_alert_is_over_after_some_normal_points(stage: Stage) -> None:
    await stage.store("device-1", [*history(), *[48.5] * 5, *history(10)], stage.end)
    await stage.run()
    assert (await stage.alerts())[0]["state"] == "open"
    await stage.owner.execute("UPDATE detector_memory SET memory = jsonb_set(memory, '{calm}', '2')")
    await stage.owner.execute(
        "UPDATE detector_memory SET memory = jsonb_set(memory, '{last}', $1)", str(stage.end - 300)
    )
    await stage.run()
    (alert,) = await stage.alerts()
    assert (alert["state"], alert["resolved_by"]) == ("resolved", "detector")


async def test_two_runs_know_what_one_run_would_know(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    values = history(600)
    await stage.store("whole", values, stage.end)
    await stage.store("parts", values[:300], stage.end - 300 * 60)
    await stage.run()
    await stage.store("parts", values[300:], stage.end)
    await stage.run()
    assert await stage.stored("sensor:parts/temperature") == await stage.stored("sensor:whole/temperature")


async def test_a_second_run_reads_nothing_twice(stage: Stage) -> None:
    await stage.store("device-1", history(600), stage.end)
    assert await stage.run() == 1
    before = await stage.stored("sensor:device-1/temperature")
    assert await stage.run() == 0
    assert await stage.stored("sensor:device-1/temperature") == before


async def test_a_point_that_is_still_filling_is_left_for_the_next_run(stage: Stage) -> None:
    await stage.store("device-1", [20.0], stage.end + 60)
    assert await stage.run() == 0


async def test_missing_minutes_are_no_anomaly(stage: Stage) -> None:
    silent = [*history(4000), *[None] * 300, *history(20)]
    await stage.store("device-1", silent, stage.end)
    await stage.store("device-2", [*history(), *[None] * 120], stage.end)
    await stage.run()
    assert await stage.alerts() == []


async def test_a_fault_that_arrives_hours_late_is_told_with_its_own_time(stage: Stage) -> None:
    await stage.store("device-1", history(), stage.end - 6 * 3600)
    await stage.run()
    late = [*history(180), *[85.0] * 10, *history(170)]
    await stage.store("device-1", late, stage.end)
    await stage.run()
    (alert,) = await stage.alerts()
    assert (alert["state"], alert["observed"]) == ("resolved", 85.0)
    fault = stage.end - 180 * 60
    assert fault <= alert["window_end"].timestamp() <= fault + 900


async def test_an_old_anomaly_in_the_first_history_teaches_but_tells_nobody(stage: Stage) -> None:
    await stage.store("device-1", [*history(), *[48.5] * 5, *history(120)], stage.end)
    await stage.run()
    assert await stage.alerts() == []


async def test_every_sensor_is_scanned_however_many_there_are(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor_scan, "BATCH_SIZE", 3)
    for index in range(7):
        await stage.store(f"device-{index}", [20.0] * 10, stage.end, metric="temperature" if index % 2 else "humidity")
    assert await stage.run() == 7
    assert await stage.owner.fetchval("SELECT count(*) FROM detector_memory") == 7


async def test_sensors_that_there_was_no_time_for_come_first_in_the_next_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor_scan, "BATCH_SIZE", 2)
    for index in range(5):
        await stage.store(f"device-{index}", [20.0] * 10, stage.end - FIVE_MINUTES)
    answers = iter([True, True, False])
    assert await scan_sensors(stage.detector, FIVE_MINUTES, lambda: next(answers)) == (4, 1)
    for index in range(5):
        await stage.store(f"device-{index}", [20.0] * 5, stage.end)
    once = iter([True, False])
    assert await scan_sensors(stage.detector, FIVE_MINUTES, lambda: next(once)) == (2, 3)
    assert (await stage.stored("sensor:device-4/temperature"))["last"] == stage.end


@pytest.mark.parametrize(("direction", "opened"), [(Direction.DOWN, 1), (Direction.BOTH, 1), (Direction.UP, 0)])
async def test_a_rare_value_on_the_good_side_is_no_alert(stage: Stage, direction: Direction, opened: int) -> None:
    values = [value for value in history() if value is not None]
    taught = SignalState(Rarity())
    taught.learn(Point.of(FIVE_MINUTES * index, value) for index, value in enumerate(values))
    drop = Point.of(FIVE_MINUTES * len(values), -50.0)
    await rarity_rule.process(
        stage.detector,
        "api/requests",
        taught,
        [drop],
        now=drop.time,
        point_seconds=FIVE_MINUTES,
        direction=direction,
        is_open=False,
    )
    assert len(await stage.alerts()) == opened


async def test_a_run_that_dies_forgets_both_the_points_and_the_alert(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.store("device-1", [*history(), *[48.5] * 5], stage.end)

    async def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(state, "save", die)
        with pytest.raises(RuntimeError):
            await stage.run()
    assert await stage.alerts() == []
    await stage.run()
    assert len(await stage.alerts()) == 1


async def test_the_state_of_another_version_is_not_gone_on_with(stage: Stage) -> None:
    await stage.store("device-1", history(600), stage.end)
    await stage.run()
    await stage.owner.execute("UPDATE detector_memory SET model_version = '0', memory = '{}'")
    await stage.run()
    assert (await stage.stored("sensor:device-1/temperature"))["model"]["points"] == 120
