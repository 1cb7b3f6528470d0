"""Forecasts on a real database: what is due, what is kept, what the jobs say of it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from apps.domain.readings import StoredReading
from apps.forecast.history import DAY, HOUR, WEEK, history
from apps.forecast.run import Run, run
from apps.forecast.settings import ForecastSettings
from apps.forecast.share import Share
from apps.forecast.store import Progress, due, progress, read, record, start_of_hour
from apps.platform.settings import load
from apps.storage.readings import ensure_partitions, store
from tests.apps.forecast.series import END, NOW, season_and_trend
from tests.support.monitoring import pushgateway
from tests.support.postgres import TestDatabase

HOURS = 2 * WEEK


@pytest.fixture
async def connection(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    created = await database.connect("forecast")
    yield created
    await created.close()


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    created = await database.connect()
    yield created
    await created.close()


def settings(database: TestDatabase, **variables: str) -> ForecastSettings:
    return load(ForecastSettings, database.environment("forecast") | {"PROCESSES": "1"} | variables)


async def fill(
    owner: asyncpg.Connection,
    device: str,
    value: Callable[[int], float] = lambda hour: float(hour % DAY),
    *,
    hours: int = HOURS,
    end: datetime = END,
) -> None:
    """Store two readings of each hour before `end`, whose mean is `value` of the hour's number, and one after it."""
    times = [(hour, end + (hour - hours) * HOUR) for hour in range(hours)]
    readings = [
        StoredReading(device, "flow", at + timedelta(minutes=minute), value(hour) + off, at)
        for hour, at in times
        for minute, off in ((10, -1.0), (50, 1.0))
    ]
    readings.append(StoredReading(device, "flow", end + timedelta(minutes=1), 1e6, end))
    await ensure_partitions(owner, readings)
    await store(owner, readings)


async def stored(owner: asyncpg.Connection) -> dict[str, Any]:
    return {row["device_id"]: dict(row) for row in await owner.fetch("SELECT * FROM series_forecasts")}


async def test_a_series_is_forecast_from_its_whole_hours_and_again_when_an_hour_is_over(
    database: TestDatabase, connection: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    await fill(owner, "pump")
    await fill(owner, "young", hours=DAY)
    await fill(owner, "silent", end=END - timedelta(hours=7))
    assert await run(connection, settings(database), NOW) == Run(forecasted=1, short=1, left=0)
    found = (await stored(owner))["pump"]
    assert found["expected"] == [float(hour) for hour in range(DAY)], "the hour that is not over is not learnt from"
    assert (found["model"], found["first_hour"], found["made_at"]) == ("seasonal-naive-day", END, NOW)
    assert (found["margin"], found["coverage"], found["mase"]) == (0, 1, None)
    assert await run(connection, settings(database), NOW + timedelta(minutes=20)) == Run(0, 1, 0), "it is there"

    later = NOW + timedelta(hours=1)
    [again] = [series for series in await due(connection, later, timedelta(days=7)) if series.device_id == "pump"]
    assert again.chosen is not None, "its model stays chosen"
    [tested] = [series for series in await due(connection, later, timedelta(minutes=30)) if series.device_id == "pump"]
    assert tested.chosen is None


async def test_means_of_hours_are_read_with_their_gaps(
    connection: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    await fill(owner, "pump", float, hours=48)
    await owner.execute("DELETE FROM sensor_readings WHERE ts >= $1 AND ts < $2", END - 3 * HOUR, END - 2 * HOUR)
    [series] = await due(connection, NOW, timedelta(days=7))
    learnt = await read(connection, series, NOW, days=1)
    assert learnt == history({END - back * HOUR: 48.0 - back for back in (*range(24, 3, -1), 2, 1)}, END)
    assert (len(learnt.values), learnt.values[-3]) == (24, None)


async def test_what_a_run_has_no_time_for_is_left_to_the_next_which_begins_there(
    database: TestDatabase, connection: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    for number in range(6):
        await fill(owner, f"pump-{number}", hours=HOURS if number < 5 else DAY)
    # Time is over before the second batch of four is begun.
    first = await run(connection, settings(database, BUDGET_SECONDS="60"), NOW, clock=iter([0.0, 59.0, 60.0]).__next__)
    assert first == Run(4, 0, 2)
    assert list(await stored(owner)) == [f"pump-{number}" for number in range(4)]
    next_hour = [series.device_id for series in await due(connection, NOW + timedelta(hours=1), timedelta(days=7))]
    assert next_hour[:2] == ["pump-4", "pump-5"], "those that have none come first"


async def test_a_forecast_whose_hours_are_over_goes(
    database: TestDatabase, connection: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    await fill(owner, "pump")
    await run(connection, settings(database), NOW)
    await run(connection, settings(database), END + timedelta(hours=23))
    assert list(await stored(owner)) == ["pump"]
    await run(connection, settings(database), END + timedelta(hours=24))
    assert await stored(owner) == {}


async def test_forecasts_are_complete_since_the_last_of_all_shares_was(
    database: TestDatabase, connection: asyncpg.Connection
) -> None:
    telling = await database.connect("forecast_metrics")

    async def after(hours: int, number: int, of: int, left: int) -> Progress:
        await record(connection, Share(number, of), NOW + timedelta(hours=hours), left)
        return await progress(telling, NOW + timedelta(hours=hours))

    def complete(hours: int, left: int = 0) -> Progress:
        return Progress(left, NOW + timedelta(hours=hours))

    try:
        assert await progress(telling, NOW) == complete(0), "nothing ran yet: it is waited for"
        assert await progress(telling, NOW + timedelta(hours=1)) == complete(0)
        assert await after(2, 0, of=1, left=0) == complete(2)
        assert await after(3, 0, of=1, left=7) == complete(2, left=7)
        # A second machine, which never ends: its share is waited for since the first one ended.
        assert await after(4, 0, of=2, left=0) == complete(4)
        assert await after(5, 0, of=2, left=0) == complete(4)
        assert await after(6, 1, of=2, left=3) == complete(4, left=3)
        assert await after(7, 1, of=2, left=0) == complete(5)
        assert await after(8, 0, of=1, left=0) == complete(8), "a share that is no more is not waited for"
    finally:
        await telling.close()


def python(module: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", module]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


async def test_two_machines_forecast_each_series_once(
    database: TestDatabase, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """As SageMaker starts them: the same command on each, with a file that says which one it is."""
    end = start_of_hour(datetime.now(UTC))
    for number in range(8):
        await fill(owner, f"pump-{number}", end=end)
    await owner.execute("CREATE TABLE written (device_id text, by integer)")
    await owner.execute(
        """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
        'BEGIN INSERT INTO written VALUES (NEW.device_id, pg_backend_pid()); RETURN NEW; END';
        CREATE TRIGGER note BEFORE INSERT OR UPDATE ON series_forecasts FOR EACH ROW EXECUTE FUNCTION note();
        """
    )
    hosts = ["algo-1", "algo-2"]
    files = [tmp_path / f"{host}.json" for host in hosts]
    for host, file in zip(hosts, files, strict=True):
        file.write_text(json.dumps({"current_host": host, "hosts": hosts[::-1]}))
    of_role = database.environment("forecast") | {"PROCESSES": "1"}
    ended = await asyncio.gather(
        *(asyncio.to_thread(python, "apps.forecast", **of_role, RESOURCE_CONFIG_FILE=str(file)) for file in files)
    )
    assert [done.returncode for done in ended] == [0, 0], [done.stderr for done in ended]
    written = await owner.fetch("SELECT device_id, by FROM written")
    assert sorted(row["device_id"] for row in written) == [f"pump-{number}" for number in range(8)]
    assert len({row["by"] for row in written}) == 2
    assert len(await owner.fetch("SELECT FROM forecast_runs WHERE left_series = 0")) == 2


def test_a_machine_that_cannot_tell_its_share_does_nothing(database: TestDatabase, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"current_host": "algo-3", "hosts": ["algo-1"]}')
    of_role = database.environment("forecast") | {"RESOURCE_CONFIG_FILE": str(tmp_path / "cut.json")}
    done = python("apps.forecast", **of_role)
    assert done.returncode == 1
    assert "does not say which of the hosts this one is" in done.stderr


@pytest.mark.timeout(900)
async def test_one_job_forecasts_and_another_tells_how_far_that_is(
    database: TestDatabase, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    end = start_of_hour(datetime.now(UTC))
    await fill(owner, "pump", end=end)
    trend = season_and_trend(1).values
    await fill(owner, "tank", lambda hour: trend[hour] or 0.0, end=end)
    done = await asyncio.to_thread(python, "apps.forecast", **database.environment("forecast"), PROCESSES="1")
    assert done.returncode == 0, done.stderr
    with pushgateway(tmp_path) as gateway:
        environment = database.environment("forecast_metrics") | {"PUSHGATEWAY_URL": gateway}
        telling = await asyncio.to_thread(python, "apps.forecast.report", **environment)
        assert telling.returncode == 0, telling.stderr
        async with httpx.AsyncClient() as client:
            pushed = (await client.get(f"{gateway}/metrics")).text
    assert {device: row["model"] for device, row in (await stored(owner)).items()} == {
        "pump": "seasonal-naive-day",
        "tank": "prophet",
    }
    assert "cmdstanpy" not in done.stderr, "two lines for each fit"
    assert 'forecast_series{instance="",job="forecast",model="seasonal-naive-day"} 1' in pushed
    assert 'forecast_left_series{instance="",job="forecast"} 0' in pushed
    assert "forecast_last_success_timestamp_seconds" in pushed
