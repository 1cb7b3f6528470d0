"""The fleet at a glance, on a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.apps.api.conftest import RunningApi


def reading(device_id: str, metric: str, value: float, ago: float = 1) -> dict[str, object]:
    ts = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    return {"device_id": device_id, "metric": metric, "ts": ts, "value": value}


async def stocked(api: RunningApi, owner: asyncpg.Connection) -> None:
    """A pump that is hot, one that is silent, a meter that is fine, one that never reported."""
    devices: list[dict[str, Any]] = [
        {"device_id": "pump-1", "kind": "power", "name": "Main pump", "labels": ["cellar"]},
        {"device_id": "pump-2", "kind": "power", "labels": ["cellar", "spare"]},
        {"device_id": "meter", "kind": "temperature", "attributes": {"latitude": 52.1, "longitude": 4.3}},
        {"device_id": "fresh", "kind": "humidity"},
    ]
    for device in devices:
        (await api.http.post("/api/devices", json=device)).raise_for_status()
    await api.store(
        reading("pump-1", "power", 900),
        reading("pump-1", "voltage", 230),
        reading("pump-2", "power", 5, ago=3600),
        reading("meter", "temperature", 21.5),
    )
    await owner.execute(
        """INSERT INTO alerts (source, rule, severity, message) VALUES
        ('pump-1/power', 'zscore', 'critical', 'too much'), ('api/latency', 'zscore', 'critical', 'slow')"""
    )


async def fleet(api: RunningApi, **query: object) -> dict[str, Any]:
    answer = await api.reader.get("/api/fleet", params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [item["device_id"] for item in found["items"]]


async def test_what_is_wrong_comes_first_with_what_is_known_of_it(api: RunningApi, owner: asyncpg.Connection) -> None:
    await stocked(api, owner)
    found = await fleet(api, spark_minutes=15)
    assert ids(found) == ["pump-1", "pump-2", "fresh", "meter"]
    hot, silent, fresh, fine = found["items"]
    assert [item["state"] for item in found["items"]] == ["live", "silent", "new", "live"]
    assert (hot["open_alerts"], hot["worst"]) == (1, "critical")
    assert [item["metric"] for item in hot["readings"]] == ["power", "voltage"]
    assert [point[1:] for point in hot["readings"][0]["spark"]] == [[900, 900, 900, 1]]
    assert (silent["active"], silent["readings"][0]["spark"]) == (False, [])
    assert fresh["readings"] == []
    assert fine["worst"] is None


async def test_what_nobody_looks_after_comes_by_severity_and_silence_between(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    for device_id in ("very-hot", "hot", "silent", "info", "acknowledged", "new", "fine"):
        device = {"device_id": device_id, "kind": "power"}
        (await api.http.post("/api/devices", json=device)).raise_for_status()
    about = ("fine", "acknowledged", "info", "hot", "very-hot")
    await api.store(*(reading(device_id, "power", 1) for device_id in about), reading("silent", "power", 1, ago=3600))
    await owner.execute(
        """INSERT INTO alerts (source, rule, severity, message, state) VALUES
        ('info/power', 'zscore', 'info', '', 'open'), ('acknowledged/power', 'zscore', 'critical', '', 'acknowledged'),
        ('hot/power', 'zscore', 'warning', '', 'open'), ('very-hot/power', 'zscore', 'critical', '', 'open')"""
    )
    assert ids(await fleet(api)) == ["very-hot", "hot", "silent", "info", "acknowledged", "new", "fine"]


async def test_the_counts_are_of_the_fleet_and_of_what_each_choice_would_show(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    await stocked(api, owner)
    counts = (await fleet(api, kind="power", limit=1))["counts"]
    assert (counts["total"], counts["silent"], counts["matching"], counts["located"]) == (4, 1, 2, 0)
    assert {choice["value"]: choice["count"] for choice in counts["kinds"]} == {
        "humidity": 1,
        "power": 2,
        "temperature": 1,
    }
    assert {choice["value"]: choice["count"] for choice in counts["labels"]} == {"cellar": 2, "spare": 1}
    assert {choice["value"]: choice["count"] for choice in counts["metrics"]} == {"power": 2, "voltage": 1}
    assert {choice["value"]: choice["count"] for choice in counts["states"]} == {"alerting": 1, "live": 1, "silent": 1}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "pum 2"}, ["pump-2"]),
        ({"q": "MAIN"}, ["pump-1"]),
        ({"q": "voltage"}, ["pump-1"]),
        ({"q": "silent"}, ["pump-2"]),
        ({"q": "cellar power"}, ["pump-1", "pump-2"]),
        ({"q": "no-such"}, []),
        ({"label": "spare"}, ["pump-2"]),
        ({"metric": "voltage"}, ["pump-1"]),
        ({"state": "alerting"}, ["pump-1"]),
        ({"state": "new"}, ["fresh"]),
        ({"located": "true"}, ["meter"]),
        ({"ids": "meter,pump-2,gone"}, ["pump-2", "meter"]),
        ({"sort": "name"}, ["fresh", "pump-1", "meter", "pump-2"]),
        ({"sort": "-name"}, ["pump-2", "meter", "pump-1", "fresh"]),
        ({"sort": "kind", "metric": "power"}, ["pump-1", "pump-2"]),
        ({"sort": "-last_seen", "kind": "power"}, ["pump-1", "pump-2"]),
        ({"sort": "last_seen", "kind": "power"}, ["pump-2", "pump-1"]),
        ({"sort": "-value"}, ["pump-1", "meter", "pump-2", "fresh"]),
        ({"sort": "value"}, ["pump-2", "meter", "pump-1", "fresh"]),
    ],
)
async def test_it_is_searched_filtered_and_sorted(
    api: RunningApi, owner: asyncpg.Connection, query: dict[str, object], expected: list[str]
) -> None:
    await stocked(api, owner)
    assert ids(await fleet(api, **query)) == expected


@pytest.mark.parametrize("sort", ["trouble", "name", "-name", "kind", "last_seen", "-last_seen", "value", "-value"])
async def test_page_after_page_shows_every_device_once(api: RunningApi, owner: asyncpg.Connection, sort: str) -> None:
    await stocked(api, owner)
    fleet_ids = ids(await fleet(api, sort=sort))
    seen: list[str] = []
    found = await fleet(api, sort=sort, limit=1)
    while True:
        seen += ids(found)
        if found["next_cursor"] is None:
            break
        found = await fleet(api, sort=sort, limit=1, cursor=found["next_cursor"])
        assert found["counts"] is None
    assert seen == fleet_ids


async def test_a_device_says_when_it_is_silent(api: RunningApi) -> None:
    for device_id, attributes in (("slow", {"silent_after_seconds": 7200}), ("quick", {"silent_after_seconds": 30})):
        spec = {"device_id": device_id, "kind": "power", "attributes": attributes}
        (await api.http.post("/api/devices", json=spec)).raise_for_status()
    await api.store(reading("slow", "power", 1, ago=3600), reading("quick", "power", 1, ago=60))
    assert [(device["device_id"], device["state"]) for device in (await fleet(api))["items"]] == [
        ("quick", "silent"),
        ("slow", "live"),
    ]
