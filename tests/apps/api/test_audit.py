"""The audit trail: what stands in it, that nothing is missing, and that the service cannot take anything out."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.apps.api.conftest import RunningApi
from tests.support.postgres import TestDatabase

SPEC = {"device_id": "d", "kind": "power"}


async def events(api: RunningApi, **query: str) -> list[dict[str, Any]]:
    answer = await api.http.get("/api/audit", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items[::-1]


async def test_every_change_of_a_device_says_who_what_where_before_and_after(
    api: RunningApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await api.http.post("/api/devices", json=SPEC, headers={"X-Forwarded-For": "203.0.113.7, 198.51.100.1"})
    await api.http.patch("/api/devices/d", json={"labels": ["roof"]})
    await api.http.patch("/api/devices/d", json={"labels": ["roof"]})  # changes nothing
    await api.http.post("/api/devices/d/upload-url", json={})
    rows = [SPEC | {"kind": "pump"}, {"device_id": "e", "kind": "pump"}]
    await api.http.post("/api/devices/import", params={"dry_run": "true"}, json=rows)
    await api.http.post("/api/devices/import", json=rows)
    await api.http.delete("/api/devices/d")
    await api.http.delete("/api/devices/d")  # is not there
    trail = await events(api)
    assert [(event["action"], event["subject"]) for event in trail] == [
        ("device.register", "d"),
        ("device.change", "d"),
        ("device.upload-url", "d"),
        ("device.import", "e"),
        ("device.import", "d"),
        ("device.delete", "d"),
    ]
    registered, changed, url, imported, replaced, deleted = trail
    assert registered["actor"].startswith("operator token (key operator-")
    assert registered["address"].startswith("198.51.100.1")
    assert (registered["before"], registered["after"]["kind"]) == (None, "power")
    assert (changed["before"]["labels"], changed["after"]["labels"]) == ([], ["roof"])
    assert url["after"].keys() == {"expires_at"}
    assert (imported["before"], imported["after"]["device_id"]) == (None, "e")
    assert (replaced["before"]["labels"], replaced["after"]["kind"]) == (["roof"], "pump")
    assert (deleted["before"]["kind"], deleted["after"]) == ("pump", None)
    logged = [record for record in caplog.records if record.name == "apps.api.audit"]
    assert [record.__dict__["action"] for record in logged] == [event["action"] for event in trail]
    assert await events(api, subject="e") == [imported]
    assert await events(api, action="device.delete", actor=deleted["actor"]) == [deleted]


@pytest.mark.parametrize(
    ("made_at", "body"),
    [
        ("/api/keys", {"name": "a program", "scopes": ["devices:read"]}),
        ("/api/viewing-links", {"name": "hall"}),
        ("/api/fleet-keys", {"name": "roof", "kinds": ["pump"], "max_devices": 2, "expires_in": 3600}),
        ("/api/devices/d/credentials", {}),
    ],
)
async def test_what_is_revoked_again_is_recorded_once(api: RunningApi, made_at: str, body: dict[str, Any]) -> None:
    await api.http.post("/api/devices", json=SPEC)
    there = await ids(api, made_at)
    response = await api.http.post(made_at, json=body)
    assert response.status_code == 201, response.text
    (newest,) = await ids(api, made_at) - there
    before = len(await events(api))
    for _ in range(2):
        answer = await api.http.delete(f"{made_at}/{newest}")
        assert answer.is_success, answer.text
    assert len(await events(api)) == before + 1


async def ids(api: RunningApi, made_at: str) -> set[str]:
    """The ids of what is listed there."""
    items = (await api.http.get(made_at)).json()["items"]
    return {value for item in items for name, value in item.items() if name in ("key_id", "link_id", "credential_id")}


async def test_every_change_of_an_alert_is_recorded_once(api: RunningApi, owner: asyncpg.Connection) -> None:
    alert = await owner.fetchval(
        "INSERT INTO alerts (source, rule, severity, message) VALUES ('s', 'r', 'info', 'm') RETURNING alert_id::text"
    )
    for verb in ("acknowledge", "acknowledge", "resolve"):
        await api.http.post(f"/api/alerts/{alert}/{verb}", json={"comment": "because"})
    trail = await events(api, subject=alert)
    assert [(event["action"], event["before"], event["after"]) for event in trail] == [
        ("alert.acknowledge", {"state": "open"}, {"state": "acknowledged", "comment": "because"}),
        ("alert.resolve", {"state": "acknowledged"}, {"state": "resolved", "comment": "because"}),
    ]


async def test_the_record_of_a_snooze_says_until_when(api: RunningApi, owner: asyncpg.Connection) -> None:
    alert = await owner.fetchval(
        "INSERT INTO alerts (source, rule, severity, message) VALUES ('s', 'r', 'info', 'm') RETURNING alert_id::text"
    )
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds").replace("+00:00", "Z")
    for verb, body in (("snooze", {"until": until}), ("acknowledge", {})):
        await api.http.post(f"/api/alerts/{alert}/{verb}", json=body)
    snoozed = {"state": "open", "snoozed_until": until}
    assert [(event["action"], event["before"], event["after"]) for event in await events(api, subject=alert)] == [
        ("alert.snooze", {"state": "open"}, snoozed | {"comment": None}),
        ("alert.acknowledge", snoozed, {"state": "acknowledged", "comment": None}),
    ]


async def test_a_change_that_is_refused_leaves_no_record(api: RunningApi) -> None:
    await api.http.post("/api/devices", json=SPEC)
    before = await events(api)
    assert (await api.http.post("/api/devices", json=SPEC)).status_code == 409
    stale = {"If-Match": '"0.0"'}
    assert (await api.http.patch("/api/devices/d", json={"kind": "pump"}, headers=stale)).status_code == 412
    assert (await api.http.delete("/api/devices/d", headers=stale)).status_code == 412
    assert await events(api) == before


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"]
)
async def test_the_service_cannot_change_what_stands_in_the_trail(
    api: RunningApi, database: TestDatabase, statement: str
) -> None:
    await api.http.post("/api/devices", json=SPEC)
    connection = await database.connect("api")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_only_who_may_read_the_trail_reads_it(api: RunningApi) -> None:
    assert (await api.reader.get("/api/audit")).status_code == 401
