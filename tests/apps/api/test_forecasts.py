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
    model = {"model": "prophet", "model_version": "1.5.0", "coverage": 0.81, "mase": 0.6, "baseline_mase": 0.9}
    assert found.items() >= model.items()
    assert "margin" not in found


@pytest.mark.usefixtures("forecast")
async def test_a_forecast_warns_of_the_first_limit_that_it_leads_across(
    api: RunningApi, database: TestDatabase
) -> None:
    connection = await database.connect()
    at = datetime.now(UTC) + timedelta(minutes=1)
    await connection.execute(
        "UPDATE series_forecasts SET first_hour = $1, expected = '{10, 20, 30}' WHERE metric != 'over'", at
    )
    await connection.execute("INSERT INTO devices (device_id, kind) VALUES ('c', 'fan')")
    await connection.execute("UPDATE series_forecasts SET device_id = 'c' WHERE device_id = 'b'")
    about = {"kinds": ["pump"], "metrics": ["flow"]}
    rules = (
        ("spill", {"condition": {"type": "above", "threshold": 25}, "scope": about, "severity": "critical"}),
        ("high", {"condition": {"type": "above", "threshold": 15}, "scope": about}),
        ("never", {"condition": {"type": "above", "threshold": 35}, "scope": about}),
    )
    for rule_id, rule in rules:
        response = await api.http.post("/api/rules", json={"rule_id": rule_id, "name": rule_id.title(), **rule})
        assert response.status_code == 201, response.text
    await connection.close()
    answer = await api.reader.get("/api/forecasts", params={"ids": "a,c"})
    crossings = {(row["device_id"], row["metric"]): row["crossing"] for row in answer.json()["items"]}
    crossing = crossings.pop(("a", "flow"))
    assert crossings == {("a", "heat"): None, ("c", "flow"): None}
    assert datetime.fromisoformat(crossing.pop("at")) == at + timedelta(hours=1)
    assert crossing == {"side": "above", "threshold": 15, "rule_id": "high", "name": "High", "severity": "warning"}


@pytest.mark.usefixtures("forecast")
async def test_forecasts_of_several_devices_are_asked_for_together(api: RunningApi) -> None:
    async def of(**query: str) -> list[tuple[str, str]]:
        return series((await api.reader.get("/api/forecasts", params=query)).json())

    assert await of(ids="b,none") == [("b", "flow")]
    assert await of(ids="a,b", metric="flow") == [("a", "flow"), ("b", "flow")]
    assert await of(ids="a", device_id="b") == []


@pytest.mark.usefixtures("forecast")
async def test_forecasts_come_page_by_page_without_those_that_are_over(api: RunningApi) -> None:
    first = (await api.reader.get("/api/forecasts", params={"limit": 2})).json()
    rest = (await api.reader.get("/api/forecasts", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert series(first) + series(rest) == [("a", "flow"), ("a", "heat"), ("b", "flow")]
    assert rest["next_cursor"] is None
