from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from apps.domain.errors import InvalidUploadUrlError
from apps.domain.signing import verify
from tests.apps.api.conftest import RunningApi


async def test_a_device_is_registered_shown_changed_and_taken_out(api: RunningApi) -> None:
    spec = {"device_id": "d-1", "kind": "temperature", "labels": ["roof"], "attributes": {"floor": 3, "indoor": False}}
    created = await api.http.post("/api/devices", json=spec)
    assert created.status_code == 201
    assert created.headers["location"] == "/api/devices/d-1"
    assert {name: created.json()[name] for name in spec} == spec

    changed = await api.http.patch("/api/devices/d-1", json={"name": "Roof", "labels": []})
    assert (changed.json()["name"], changed.json()["labels"]) == ("Roof", [])
    assert changed.json()["attributes"] == spec["attributes"]
    shown = await api.reader.get("/devices/d-1")
    assert shown.json() == changed.json()

    assert (await api.http.delete("/api/devices/d-1")).status_code == 204
    gone = await api.reader.get("/api/devices/d-1")
    assert gone.status_code == 404
    assert gone.headers["content-type"] == "application/problem+json"
    assert "register it" in gone.json()["detail"]


async def test_a_second_device_of_the_same_id_is_refused(api: RunningApi) -> None:
    spec = {"device_id": "d", "kind": "power"}
    assert (await api.http.post("/api/devices", json=spec)).status_code == 201
    assert (await api.http.post("/api/devices", json=spec | {"kind": "other"})).status_code == 409
    assert (await api.reader.get("/api/devices/d")).json()["kind"] == "power"


async def test_writing_needs_the_operators_token_and_reading_does_not(api: RunningApi) -> None:
    refused: tuple[Mapping[str, str] | Mapping[bytes, bytes], ...] = (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic abc"},
        {b"Authorization": b"Bearer \xe9"},
    )
    for headers in refused:
        answer = await api.reader.post("/api/devices", json={"device_id": "d", "kind": "power"}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await api.reader.get("/api/devices")).json() == {"items": [], "next_cursor": None}


async def test_a_rotated_token_is_valid_at_once_and_the_old_one_no_more(api: RunningApi) -> None:
    api.settings.operator_token_file.write_text("another-token-of-the-operator")
    spec = {"device_id": "d", "kind": "power"}
    assert (await api.http.post("/api/devices", json=spec)).status_code == 401
    headers = {"Authorization": "Bearer another-token-of-the-operator"}
    assert (await api.http.post("/api/devices", json=spec, headers=headers)).status_code == 201


async def test_devices_are_found_by_kind_label_and_text_and_paged_by_id(api: RunningApi) -> None:
    for number in range(5):
        spec = {"device_id": f"d{number}", "kind": "power" if number % 2 else "humidity", "name": f"Pump 10{number}%"}
        await api.http.post("/api/devices", json=spec | {"labels": ["a b"] if number < 2 else []})

    async def ids(**parameters: str | int) -> list[str]:
        answer = await api.reader.get("/api/devices", params=parameters)
        return [item["device_id"] for item in answer.json()["items"]]

    assert await ids(kind="power") == ["d1", "d3"]
    assert await ids(label="a b") == ["d0", "d1"]
    assert await ids(q="PUMP 103") == ["d3"]
    assert await ids(q="3%") == ["d3"]
    assert await ids(q="D4") == ["d4"]
    await api.http.post("/api/devices", json={"device_id": "kitchen", "kind": "case", "name": "Küche / Fenster #1"})
    assert await ids(q="KÜCHE") == ["kitchen"]
    await api.http.delete("/api/devices/kitchen")
    first = (await api.reader.get("/api/devices?limit=3")).json()
    rest = (await api.reader.get(f"/api/devices?limit=3&cursor={first['next_cursor']}")).json()
    assert [item["device_id"] for item in first["items"] + rest["items"]] == ["d0", "d1", "d2", "d3", "d4"]
    assert rest["next_cursor"] is None


async def test_last_seen_is_the_newest_readings_time_and_active_means_recent(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    for device_id, ages in {"fresh": (1, 60), "stale": (60, 90), "silent": ()}.items():
        await api.http.post("/api/devices", json={"device_id": device_id, "kind": "power"})
        for age in ages:
            await owner.execute(
                "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES ($1, $2, $3, 0, now())",
                device_id,
                f"m{age}",
                now - timedelta(minutes=age),
            )
    found = {item["device_id"]: item for item in (await api.reader.get("/api/devices")).json()["items"]}
    assert {name: item["active"] for name, item in found.items()} == {"fresh": True, "stale": False, "silent": False}
    assert datetime.fromisoformat(found["fresh"]["last_seen_at"]) == now - timedelta(minutes=1)
    assert found["silent"]["last_seen_at"] is None


async def test_if_match_lets_only_a_client_that_knows_the_newest_version_change_it(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    created = await api.http.post("/api/devices", json={"device_id": "d", "kind": "power"})
    known = {"If-Match": created.headers["etag"]}
    await owner.execute(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES ('d', 'm', now(), 0, now())"
    )
    changed = await api.http.patch("/api/devices/d", json={"name": "first"}, headers=known)
    assert changed.status_code == 200
    assert (await api.http.patch("/api/devices/d", json={"name": "second"}, headers=known)).status_code == 412
    assert (await api.http.delete("/api/devices/d", headers=known)).status_code == 412
    assert (await api.http.delete("/api/devices/d", headers={"If-Match": changed.headers["etag"]})).status_code == 204


async def test_an_unchanged_device_is_not_sent_again(api: RunningApi, owner: asyncpg.Connection) -> None:
    await api.http.post("/api/devices", json={"device_id": "d", "kind": "power"})
    shown = await api.reader.get("/api/devices/d")
    again = await api.reader.get("/api/devices/d", headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await owner.execute(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES ('d', 'm', now(), 0, now())"
    )
    seen = await api.reader.get("/api/devices/d", headers={"If-None-Match": shown.headers["etag"]})
    assert (seen.status_code, seen.json()["active"]) == (200, True)


async def test_an_upload_url_is_one_that_the_gateway_accepts_until_it_expires(api: RunningApi) -> None:
    await api.http.post("/api/devices", json={"device_id": "d", "kind": "power"})
    upload = (await api.http.post("/api/devices/d/upload-url", json={"expires_in": 60})).json()
    assert upload["method"] == "PUT"
    path, _, query = upload["url"].removeprefix("http://platform.test").partition("?")
    expires_at = datetime.fromisoformat(upload["expires_at"])
    assert verify(api.signing_keys, "PUT", path, query, expires_at).device_id == "d"
    with pytest.raises(InvalidUploadUrlError):
        verify(api.signing_keys, "PUT", path, query, expires_at + timedelta(seconds=1))
    assert (await api.http.post("/api/devices/nobody/upload-url", json={})).status_code == 404


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"device_id": "a/b", "kind": "power"}, "device_id"),
        ({"device_id": "d\n", "kind": "power"}, "device_id"),
        ({"device_id": "d"}, "kind"),
        ({"device_id": "d", "kind": "power", "colour": "red"}, "colour"),
        ({"device_id": "d", "kind": "power", "labels": ["ok", "-"]}, "labels[1]"),
        ({"device_id": "d", "kind": "power", "name": "\x00"}, "name"),
        ({"device_id": "d", "kind": "power", "attributes": {"a": "\x00"}}, "attributes"),
        ({"device_id": "d", "kind": "power", "attributes": {"\x00": 1}}, "attributes"),
        ([], "object"),
    ],
)
def test_a_description_that_cannot_be_kept_is_refused_by_the_field(
    empty_api: httpx.Client, body: object, named: str
) -> None:
    answer = empty_api.post("/api/devices", json=body)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


async def test_the_id_that_would_hide_a_path_is_refused(api: RunningApi) -> None:
    assert (await api.http.post("/api/devices", json={"device_id": "import", "kind": "power"})).status_code == 400


async def test_a_deleted_device_leaves_no_series_and_its_readings_are_found_by_its_id(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    for device_id in ("gone", "here"):
        for metric in ("m", "n", "o") if device_id == "gone" else ("m",):
            await api.store({"device_id": device_id, "metric": metric, "ts": now.isoformat(), "value": 1})
    assert (await api.http.delete("/api/devices/gone")).status_code == 204
    assert await owner.fetchval("SELECT array_agg(device_id) FROM latest_readings") == ["here"]
    for path in ("/api/readings/latest", "/api/readings", "/api/readings?metric=m"):
        assert [item["device_id"] for item in (await api.reader.get(path)).json()["items"]] == ["here"]
    for query in ("device_id=gone&metric=m", "device_id=gone"):
        found = (await api.reader.get(f"/api/readings?{query}")).json()["items"]
        assert {item["metric"] for item in found} == ({"m"} if "metric" in query else {"m", "n", "o"})
        assert "gone" in (await api.http.get(f"/api/readings/export?format=csv&{query}")).text


async def test_a_metric_that_is_no_longer_sent_is_forgotten_and_its_readings_stay(api: RunningApi) -> None:
    reading = {"device_id": "d", "ts": "2026-11-22T12:00:00Z", "value": 1}
    await api.http.post("/api/devices", json={"device_id": "d", "kind": "pump"})
    await api.store(*(reading | {"metric": metric} for metric in ("kept", "gone")))
    assert (await api.http.delete("/api/devices/d/metrics/gone")).status_code == 204
    latest = (await api.http.get("/api/readings/latest?device_id=d")).json()["items"]
    assert [item["metric"] for item in latest] == ["kept"]
    history = await api.http.get("/api/readings?device_id=d&metric=gone")
    assert [item["value"] for item in history.json()["items"]] == [1]
    assert (await api.http.delete("/api/devices/d/metrics/gone")).status_code == 404
    await api.store(reading | {"metric": "gone", "ts": "2026-11-22T12:00:01Z"})
    assert len((await api.http.get("/api/readings/latest?device_id=d")).json()["items"]) == 2


async def test_a_device_that_is_there_for_its_readings_alone_is_registered_once(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    await owner.execute("INSERT INTO devices (device_id, kind) VALUES ('d', 'unknown')")
    spec = {"device_id": "d", "kind": "pump", "name": "Pump", "labels": ["roof"]}
    answer = await api.http.post("/api/devices", json=spec)
    assert (answer.status_code, answer.json()["kind"], answer.json()["labels"]) == (201, "pump", ["roof"])
    assert (await api.http.post("/api/devices", json=spec)).status_code == 409
