"""Credentials over HTTP: shown once, two at a time, revoked, and what a device does with one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from apps.domain.signing import UploadGrant, verify
from tests.apps.api.conftest import RunningApi


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


async def register(api: RunningApi, device_id: str = "d") -> str:
    """Register a device and return its credential."""
    answer = await api.http.post("/api/devices", json={"device_id": device_id, "kind": "pump"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["credential"]["credential"])


async def another(api: RunningApi, **body: Any) -> httpx.Response:
    return await api.http.post("/api/devices/d/credentials", json=body)


async def live(api: RunningApi) -> list[str]:
    listed = (await api.http.get("/api/devices/d/credentials")).json()["items"]
    return [credential["credential_id"] for credential in listed if credential["live"]]


def id_of(credential: str) -> str:
    return credential.split("_")[1]


async def test_a_credential_is_shown_once_and_kept_as_a_hash(api: RunningApi, owner: asyncpg.Connection) -> None:
    credential = await register(api)
    secret = credential.rpartition("_")[2]
    listed = await api.http.get("/api/devices/d/credentials")
    (item,) = listed.json()["items"]
    assert (item["credential_id"], item["live"]) == (id_of(credential), True)
    assert item["created_by"].startswith("operator token")
    assert (item["first_used_at"], item["last_used_at"], item["revoked_at"]) == (None, None, None)
    rows = await owner.fetchval("SELECT string_agg(c::text, ' ') FROM device_credentials c")
    for text in (listed.text, rows, (await api.http.get("/api/devices/d")).text):
        assert secret not in text


async def test_a_device_gets_its_own_upload_url_and_its_use_is_noted(api: RunningApi) -> None:
    credential = await register(api)
    answer = await api.reader.post("/api/device/upload-url", json={"expires_in": 600}, headers=bearer(credential))
    assert answer.status_code == 200, answer.text
    path, _, query = answer.json()["url"].removeprefix("http://platform.test").partition("?")
    grant = verify(api.signing_keys, "PUT", path, query, datetime.now(UTC))
    assert grant == UploadGrant("d", 0, id_of(credential))
    (item,) = (await api.http.get("/api/devices/d/credentials")).json()["items"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(item["last_used_at"])) < timedelta(minutes=1)
    state = (await api.reader.get("/api/device", headers=bearer(credential))).json()
    assert (state["device"]["device_id"], state["credential"]["credential_id"]) == ("d", id_of(credential))


async def test_a_credential_counts_as_a_bearers_token_alone(api: RunningApi) -> None:
    credential = await register(api)
    for scheme, status in (("bearer", 200), ("Basic", 401), ("Token", 401)):
        answer = await api.reader.get("/api/device", headers={"Authorization": f"{scheme} {credential}"})
        assert answer.status_code == status, scheme


async def test_a_url_ends_with_the_credential_that_asked_for_it(api: RunningApi) -> None:
    await register(api)
    issued = (await another(api, expires_in=120)).json()
    answer = await api.reader.post("/api/device/upload-url", json={}, headers=bearer(issued["credential"]))
    assert answer.json()["expires_at"][:19] == issued["expires_at"][:19]


async def test_a_credential_is_replaced_while_both_hold_and_the_old_one_is_dropped(api: RunningApi) -> None:
    old = await register(api)
    new = (await api.reader.post("/api/device/credential", json={}, headers=bearer(old))).json()["credential"]
    for credential in (old, new):
        assert (await api.reader.get("/api/device", headers=bearer(credential))).status_code == 200
    assert await live(api) == [id_of(old), id_of(new)]
    refused = await api.reader.post("/api/device/credential", json={}, headers=bearer(old))
    assert (refused.status_code, "newer credential" in refused.json()["detail"]) == (409, True)
    dropped = await api.reader.delete(f"/api/device/credentials/{id_of(old)}", headers=bearer(new))
    assert dropped.status_code == 200
    assert (await api.reader.get("/api/device", headers=bearer(old))).status_code == 401
    assert await live(api) == [id_of(new)]


async def test_a_device_that_lost_the_answer_asks_again_with_the_old_one(api: RunningApi) -> None:
    old = await register(api)
    lost = (await api.reader.post("/api/device/credential", json={}, headers=bearer(old))).json()["credential"]
    new = (await api.reader.post("/api/device/credential", json={}, headers=bearer(old))).json()["credential"]
    assert await live(api) == [id_of(old), id_of(new)]
    assert (await api.reader.get("/api/device", headers=bearer(lost))).status_code == 401


async def test_a_device_has_two_credentials_at_most_and_one_that_nobody_used_makes_room(api: RunningApi) -> None:
    first = await register(api)
    await api.reader.get("/api/device", headers=bearer(first))
    unused = (await another(api)).json()["credential"]
    second = (await another(api)).json()["credential"]
    assert await live(api) == [id_of(first), id_of(second)]
    assert (await api.reader.get("/api/device", headers=bearer(unused))).status_code == 401
    await api.reader.get("/api/device", headers=bearer(second))
    refused = await another(api)
    assert (refused.status_code, "revoke one" in refused.json()["detail"]) == (409, True)
    only = (await another(api, revoke_others=True)).json()["credential"]
    assert await live(api) == [id_of(only)]
    assert (await api.reader.get("/api/device", headers=bearer(second))).status_code == 401


async def test_what_is_revoked_holds_no_more_and_other_devices_are_untouched(api: RunningApi) -> None:
    mine, other = await register(api), await register(api, "e")
    before = datetime.now(UTC)
    answer = await api.http.delete(f"/api/devices/d/credentials/{id_of(mine)}")
    in_force = datetime.fromisoformat(answer.json()["in_force_at"])
    assert timedelta(seconds=59) < in_force - before < timedelta(seconds=90)
    assert (await api.reader.get("/api/device", headers=bearer(mine))).status_code == 401
    assert (await api.reader.get("/api/device", headers=bearer(other))).status_code == 200
    for path in (f"/api/devices/e/credentials/{id_of(mine)}", "/api/devices/d/credentials/0123456789abcdef"):
        assert (await api.http.delete(path)).status_code == 404


async def test_revoked_urls_are_of_an_earlier_generation(api: RunningApi) -> None:
    await register(api)
    for generation in (0, 1, 2):
        url = (await api.http.post("/api/devices/d/upload-url", json={})).json()["url"]
        path, _, query = url.removeprefix("http://platform.test").partition("?")
        assert verify(api.signing_keys, "PUT", path, query, datetime.now(UTC)).generation == generation
        assert (await api.http.delete("/api/devices/d/upload-urls")).status_code == 200
    assert (await api.http.delete("/api/devices/none/upload-urls")).status_code == 404


async def test_a_deleted_device_holds_nothing_also_when_it_is_registered_again(api: RunningApi) -> None:
    old = await register(api)
    assert (await api.http.delete("/api/devices/d")).status_code == 204
    assert (await api.reader.get("/api/device", headers=bearer(old))).status_code == 401
    new = await register(api)
    assert (await api.reader.get("/api/device", headers=bearer(old))).status_code == 401
    assert (await api.reader.get("/api/device", headers=bearer(new))).status_code == 200
    url = (await api.http.post("/api/devices/d/upload-url", json={})).json()["url"]
    assert "generation=1" in url


async def test_a_credential_expires(api: RunningApi, owner: asyncpg.Connection) -> None:
    await register(api)
    credential = (await another(api, expires_in=60)).json()["credential"]
    assert (await api.reader.get("/api/device", headers=bearer(credential))).status_code == 200
    await owner.execute(
        "UPDATE device_credentials SET expires_at = now() - interval '1 s' WHERE credential_id = $1", id_of(credential)
    )
    assert (await api.reader.get("/api/device", headers=bearer(credential))).status_code == 401


@pytest.mark.parametrize("change", ["x", "sad_", "0", "é"])
async def test_what_is_no_credential_is_refused_without_being_repeated(api: RunningApi, change: str) -> None:
    credential = await register(api)
    for wrong in (change, credential + change + "0", credential[:-1] + ("0" if credential[-1] != "0" else "1")):
        answer = await api.reader.get("/api/device", headers={b"Authorization": f"Bearer {wrong}".encode()})
        assert answer.status_code == 401
        assert credential[4:] not in answer.text


async def test_a_device_may_do_nothing_but_its_own_and_an_operator_is_no_device(api: RunningApi) -> None:
    credential = await register(api)
    for method, path in (("GET", "/api/devices"), ("POST", "/api/devices"), ("DELETE", "/api/devices/d")):
        assert (await api.reader.request(method, path, headers=bearer(credential))).status_code == 403
    assert (await api.http.get("/api/device")).status_code == 403
    assert (await api.reader.get("/api/device")).status_code == 401
    foreign = await register(api, "e")
    answer = await api.reader.delete(f"/api/device/credentials/{id_of(foreign)}", headers=bearer(credential))
    assert answer.status_code == 404
