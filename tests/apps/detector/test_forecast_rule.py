"""Hours that were not as forecast, in a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from apps.detector.forecast_rule import HOUR, HOURS, MARGINS, NORMAL_MARGINS, scan_forecasts
from apps.domain.alerts import FORECAST_RULE, AlertTransition, Anomaly, Severity
from apps.storage.alerts import apply_transition, raise_alert
from tests.support.postgres import TestDatabase

EXPECTED, MARGIN = 20.0, 0.5


class Stage:
    """A sensor with a forecast of this day, and the hours that it measured."""

    def __init__(self, owner: asyncpg.Connection, detector: asyncpg.Connection, this_hour: datetime) -> None:
        self.owner, self.detector = owner, detector
        self.last_hour = this_hour - HOUR

    async def forecast(self, first_hour: datetime, expected: list[float], margin: float = MARGIN) -> None:
        await self.owner.execute(
            "INSERT INTO series_forecasts (device_id, metric, made_at, first_hour, expected, model, model_version, "
            "tested_at, margin, coverage) "
            "VALUES ('boiler-1', 'temperature', now(), $1, $2, 'naive', '1', now(), $3, 0.8) "
            "ON CONFLICT (device_id, metric) DO UPDATE SET first_hour = $1, expected = $2, margin = $3",
            first_hour,
            expected,
            margin,
        )

    async def measure(self, *values: float, before: tuple[float, ...] = ()) -> None:
        """Store the last hour, and the hours before, which by default were as it is."""
        await self.owner.execute("DELETE FROM readings_hour")
        await self.owner.executemany(
            "INSERT INTO readings_hour (device_id, metric, hour, count, sum, min, max) "
            "VALUES ('boiler-1', 'temperature', $1, $2, $3, $4, $5)",
            [
                (self.last_hour - back * HOUR, len(found), sum(found), min(found), max(found))
                for back, found in enumerate([values, *[before or values] * (HOURS - 1)])
            ],
        )

    async def scan(self) -> int:
        return await scan_forecasts(self.detector, timedelta(0))

    async def states(self) -> list[str]:
        rows = await self.detector.fetch("SELECT state FROM alerts WHERE rule = $1", FORECAST_RULE)
        return [row["state"] for row in rows]


@pytest.fixture
async def stage(database: TestDatabase) -> AsyncIterator[Stage]:
    owner, detector = await database.connect(), await database.connect("detector")
    await owner.execute("INSERT INTO devices (device_id, kind) VALUES ('boiler-1', 'boiler')")
    for hours in (0, HOURS):
        await owner.execute("SELECT ensure_partition(now() - $1 * interval '1 hour')", hours)
    # Within one transaction it stays the same hour, however long the test takes.
    async with detector.transaction():
        this_hour = await detector.fetchval("SELECT date_trunc('hour', now())")
        yield Stage(owner, detector, this_hour)
    await owner.close()
    await detector.close()


@pytest.mark.parametrize("off", [-1, 1])
async def test_an_hour_far_from_its_forecast_is_told_until_one_is_as_forecast(stage: Stage, off: int) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [0.0, *[EXPECTED] * HOURS, 0.0])
    await stage.measure(EXPECTED + off * MARGIN * MARGINS)
    assert (await stage.scan(), await stage.states()) == (1, [])
    await stage.measure(EXPECTED + off * MARGIN * (MARGINS + 0.1))
    assert (await stage.scan(), await stage.states()) == (1, ["open"])
    (alert,) = await stage.detector.fetch("SELECT * FROM alerts")
    assert (alert["device_id"], alert["metric"], alert["kind"]) == ("boiler-1", "temperature", "boiler")
    assert (alert["expected"], alert["model"], alert["severity"]) == (EXPECTED, "naive", "warning")
    assert (alert["window_start"], alert["window_end"]) == (
        stage.last_hour - (HOURS - 1) * HOUR,
        stage.last_hour + HOUR,
    )
    await stage.measure(EXPECTED + off * MARGIN * (NORMAL_MARGINS + 0.1))
    assert (await stage.scan(), await stage.states()) == (1, ["open"])
    await stage.measure(EXPECTED + off * MARGIN * NORMAL_MARGINS)
    assert (await stage.scan(), await stage.states()) == (1, ["resolved"])


async def test_one_reading_as_forecast_makes_an_hour_of_odd_ones_none_that_is_told(stage: Stage) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4)
    for least, greatest in ((EXPECTED, EXPECTED + 100), (EXPECTED - 100, EXPECTED), (EXPECTED - 100, EXPECTED + 100)):
        await stage.measure(least, greatest)
        assert (await stage.scan(), await stage.states()) == (1, [])


async def test_what_did_not_last_is_not_told(stage: Stage) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4)
    await stage.measure(EXPECTED + 100, before=(EXPECTED,))
    assert (await stage.scan(), await stage.states()) == (1, [])
    await stage.forecast(stage.last_hour, [EXPECTED] * 4)
    await stage.measure(EXPECTED + 100)
    assert (await stage.scan(), await stage.states()) == (1, []), "nothing was forecast of the hours before"


async def test_what_a_person_resolved_is_not_told_again_of_the_same_hour(stage: Stage) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4)
    await stage.measure(EXPECTED + 100)
    await stage.scan()
    alert_id = await stage.detector.fetchval("SELECT alert_id FROM alerts")
    await apply_transition(stage.detector, AlertTransition.RESOLVE, [alert_id], "somebody", "I know")
    await stage.scan()
    assert await stage.states() == ["resolved"]


async def test_silence_and_an_hour_that_was_not_forecast_say_nothing(stage: Stage) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4)
    assert await stage.scan() == 0, "no reading"
    await stage.measure(EXPECTED + 100)
    await stage.scan()
    for first_hour, hours in ((stage.last_hour + HOUR, 2), (stage.last_hour - 2 * HOUR, 2)):
        await stage.forecast(first_hour, [EXPECTED] * hours)
        assert await stage.scan() == 0
    assert await stage.states() == ["open"]


async def test_without_a_forecast_the_alert_is_over(stage: Stage) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4)
    await stage.measure(EXPECTED + 100)
    await stage.scan()
    await stage.owner.execute("DELETE FROM series_forecasts")
    assert (await stage.scan(), await stage.states()) == (0, ["resolved"])


async def test_a_sensor_that_never_moved_may_move_a_little(stage: Stage) -> None:
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4, margin=0.0)
    await stage.measure(EXPECTED * 1.01)
    assert (await stage.scan(), await stage.states()) == (1, [])
    await stage.measure(EXPECTED * 1.04)
    assert (await stage.scan(), await stage.states()) == (1, ["open"])


async def test_the_alert_of_a_rule_that_somebody_called_forecast_is_left_alone(stage: Stage) -> None:
    theirs = Anomaly(source="boiler-1/temperature", rule="forecast", severity=Severity.WARNING, message="too hot")
    await raise_alert(stage.owner, theirs, "rules")
    assert (await stage.scan(), await stage.states()) == (0, [])
    await stage.forecast(stage.last_hour - 3 * HOUR, [EXPECTED] * 4)
    await stage.measure(EXPECTED + 100)
    assert (await stage.scan(), await stage.states()) == (1, ["open"])
    await stage.measure(EXPECTED)
    assert (await stage.scan(), await stage.states()) == (1, ["resolved"])
    assert await stage.owner.fetchval("SELECT state FROM alerts WHERE rule = 'forecast'") == "open"
