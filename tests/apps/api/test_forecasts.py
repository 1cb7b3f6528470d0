"""Forecasts over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.apps.api.conftest import RunningApi
from tests.support.postgres import TestDatabase

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
async def forecast(database: TestDatabase) -> None:
    connection = await database.connect()
    await connection.execute("INSERT INTO devices (device_id, kind, labels) VALUES ('a', 'pump', '{wet}')")
    insert = """
        INSERT INTO series_forecasts (device_id, metric, made_at, first_hour, expected, model, model_version, tested_at,
                                      margin, coverage, mase, baseline_mase)
        VALUES ($1, $2, $3, $3, $4, 'prophet', '1.5.0', $3, 0.5, 0.81, 0.6, 0.9)
    """
    for device, metric in (("a", "flow"), ("a", "heat"), ("b", "flow")):
        await connection.execute(insert, device, metric, START, [1.0, 2.0])
    await connection.execute(insert, "a", "over", START - timedelta(hours=2), [1.0, 2.0])
    await connection.close()


def series(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["device_id"], row["metric"]) for row in answer["items"]]


@pytest.mark.usefixtures("forecast")
async def test_a_series_is_asked_for_by_device_and_metric(api: RunningApi) -> None:
    answer = await api.reader.get("/api/forecasts", params={"device_id": "a", "metric": "heat"})
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["items"]
    hours = [datetime.fromisoformat(hour.pop("ts")) for hour in found["hours"]]
    assert hours == [START, START + timedelta(hours=1)]
    assert found["hours"] == [{"expected": 1.0, "low": 0.5, "high": 1.5}, {"expected": 2.0, "low": 1.5, "high": 2.5}]
    told = {"model": "prophet", "model_version": "1.5.0", "coverage": 0.81, "mase": 0.6, "baseline_mase": 0.9}
    assert found.items() >= told.items()
    assert "margin" not in found


@pytest.mark.usefixtures("forecast")
async def test_forecasts_come_page_by_page_without_those_that_are_over(api: RunningApi) -> None:
    first = (await api.reader.get("/api/forecasts", params={"limit": 2})).json()
    rest = (await api.reader.get("/api/forecasts", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert series(first) + series(rest) == [("a", "flow"), ("a", "heat"), ("b", "flow")]
    assert rest["next_cursor"] is None
