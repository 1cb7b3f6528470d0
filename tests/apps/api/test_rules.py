"""Rules over HTTP: kept with their versions, tried over the past, written as a document and read again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.apps.api.conftest import RunningApi

HOT: dict[str, Any] = {
    "rule_id": "too-hot",
    "name": "Too hot",
    "condition": {"type": "above", "threshold": 30},
    "scope": {"metrics": ["temperature"]},
}


async def test_each_change_makes_a_version_and_what_changes_nothing_makes_none(api: RunningApi) -> None:
    created = await api.http.post("/api/rules", json=HOT)
    assert (created.status_code, created.json()["version"], created.headers["ETag"]) == (201, 1, '"1"')
    assert (await api.http.post("/api/rules", json=HOT)).status_code == 409
    hotter = HOT | {"condition": {"type": "above", "threshold": 40}}
    for _ in range(2):
        changed = await api.http.put("/api/rules/too-hot", json=hotter)
        assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert (await api.reader.get("/api/rules/too-hot")).json() == changed.json()
    assert (await api.http.delete("/api/rules/too-hot")).status_code == 204
    assert (await api.reader.get("/api/rules/too-hot")).status_code == 404
    assert (await api.http.post("/api/rules", json=HOT)).json()["version"] == 4
    versions = (await api.reader.get("/api/rules/too-hot/versions")).json()["items"]
    thresholds = [version["spec"] and version["spec"]["condition"]["threshold"] for version in versions]
    assert [version["version"] for version in versions] == [4, 3, 2, 1]
    assert thresholds == [30, None, 40, 30]
    assert all(version["changed_by"] for version in versions)


async def test_only_the_rule_that_one_knows_is_changed(api: RunningApi) -> None:
    etag = (await api.http.post("/api/rules", json=HOT)).headers["ETag"]
    mine, theirs = HOT | {"name": "Mine"}, HOT | {"name": "Theirs"}
    assert (await api.http.put("/api/rules/too-hot", json=mine, headers={"If-Match": etag})).status_code == 200
    refused = await api.http.put("/api/rules/too-hot", json=theirs, headers={"If-Match": etag})
    assert refused.status_code == 412
    assert (await api.http.delete("/api/rules/too-hot", headers={"If-Match": etag})).status_code == 412
    assert (await api.reader.get("/api/rules/too-hot")).json()["name"] == "Mine"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (HOT | {"severity": "bad"}, 422, "severity: expected one of info, warning, critical, found 'bad'"),
        (HOT | {"scope": {}}, 400, "scope.metrics is empty"),
        ([], 422, "expected object"),
    ],
)
async def test_a_wrong_rule_is_told_what_is_wrong(api: RunningApi, body: Any, status: int, detail: str) -> None:
    answer = await api.http.post("/api/rules", json=body)
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True)


async def test_whoever_may_look_may_not_change(api: RunningApi) -> None:
    assert (await api.reader.post("/api/rules", json=HOT)).status_code == 401
    assert (await api.reader.get("/api/rules")).status_code == 200


async def test_the_rules_of_a_device_are_those_whose_scope_it_is_in(api: RunningApi) -> None:
    await api.http.post("/api/devices", json={"device_id": "d", "kind": "oven", "labels": ["hall"]})
    for rule_id, scope in {"a": {}, "b": {"kinds": ["pump"]}, "c": {"kinds": ["oven"], "labels": ["hall"]}}.items():
        rule = HOT | {"rule_id": rule_id, "scope": scope | {"metrics": ["temperature"]}}
        assert (await api.http.post("/api/rules", json=rule)).status_code == 201
    found = (await api.reader.get("/api/rules", params={"device_id": "d"})).json()["items"]
    assert [rule["rule_id"] for rule in found] == ["a", "c"]
    assert (await api.reader.get("/api/rules", params={"device_id": "e"})).status_code == 404


async def store(api: RunningApi, device: str, start: datetime, values: list[float]) -> None:
    await api.store(
        *(
            {"device_id": device, "metric": "temperature", "ts": (start + timedelta(minutes=n)).isoformat(), "value": v}
            for n, v in enumerate(values)
        )
    )


async def test_a_dry_run_tells_when_it_would_have_fired_and_keeps_nothing(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    await store(api, "a", start, [20, 35, 36, 29, 31])
    await store(api, "b", start, [20, 20, 20])
    dry_run = (await api.http.post("/api/rules/dry-run", json=HOT)).json()
    assert dry_run["summary"] == "would have fired 2 times in 7 days, on 1 of 2 sources"
    assert (dry_run["alerts"], dry_run["subjects"], dry_run["readings"], dry_run["complete"]) == (2, 2, 8, True)
    last, first = dry_run["firings"]
    assert datetime.fromisoformat(first["opened_at"]) == start + timedelta(minutes=1)
    assert datetime.fromisoformat(first["resolved_at"]) == start + timedelta(minutes=3)
    assert (first["device_id"], first["metric"], first["value"]) == ("a", "temperature", 35)
    assert last["resolved_at"] is None
    lasting = HOT | {"for_seconds": 3600, "overrides": [{"device_id": "b", "enabled": False}]}
    assert (await api.http.post("/api/rules/dry-run", json=lasting)).json()["summary"] == (
        "would have fired never in 7 days, judged on 1 source"
    )
    assert await owner.fetchval("SELECT count(*) FROM rule_versions") == 0


async def test_a_dry_run_of_silence_judges_when_readings_arrived(api: RunningApi, owner: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    await store(api, "a", now - timedelta(minutes=30), [20, 21])
    await owner.execute("UPDATE sensor_readings SET received_at = $1", now - timedelta(minutes=20))
    silent = {"rule_id": "silent", "name": "Silent", "condition": {"type": "silence", "interval_seconds": 600}}
    dry_run = (await api.http.post("/api/rules/dry-run", json=silent)).json()
    (fired,) = dry_run["firings"]
    assert (fired["device_id"], fired["metric"], fired["value"], fired["resolved_at"]) == ("a", None, 600, None)
    relaxed = silent | {"condition": {"type": "silence", "interval_seconds": 3600}}
    assert (await api.http.post("/api/rules/dry-run", json=relaxed)).json()["alerts"] == 0


async def post_yaml(api: RunningApi, text: str, **query: bool) -> dict[str, Any]:
    params = {name: str(value).lower() for name, value in query.items()}
    headers = {"Content-Type": "application/yaml"}
    answer = await api.http.post("/api/rules/import", content=text, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


async def test_what_is_exported_is_imported_as_the_same_and_a_document_may_hold_all_there_is(api: RunningApi) -> None:
    for rule_id in ("a", "b"):
        await api.http.post("/api/rules", json=HOT | {"rule_id": rule_id})
    text = (await api.reader.get("/api/rules/export")).text
    assert (await post_yaml(api, text, delete_others=True))["unchanged"] == ["a", "b"]
    other = text.replace("rule_id: b", "rule_id: c").replace("name: Too hot", "name: Hot")
    tried = await post_yaml(api, other, delete_others=True, dry_run=True)
    assert (tried["created"], tried["updated"], tried["deleted"]) == (["c"], ["a"], ["b"])
    assert (await api.reader.get("/api/rules/export")).text == text
    assert await post_yaml(api, other, delete_others=True) == tried | {"dry_run": False}
    assert (await api.reader.get("/api/rules/export")).text == other


async def test_a_document_with_a_wrong_rule_changes_nothing_and_says_which(api: RunningApi) -> None:
    text = "rules: [{rule_id: a, name: A, condition: {type: silence}}, {rule_id: b}]"
    outcome = await post_yaml(api, text)
    assert (outcome["created"], outcome["errors"]) == ([], ["rule 2 (b): the key 'name' is missing"])
    assert (await api.reader.get("/api/rules")).json()["items"] == []
