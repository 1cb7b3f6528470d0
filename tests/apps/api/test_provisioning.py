"""Devices that register themselves by the key of their fleet, and people who bind them by the code on their label."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from tests.apps.api.conftest import RunningApi
from tests.apps.api.test_device_credentials import bearer, id_of

SPEC = {"name": "roof", "kinds": ["pump", "fan"], "labels": ["roof", "2026"], "max_devices": 2, "expires_in": 3600}
CODE = "7Q2M-9KXD-4HTA"


async def make_key(api: RunningApi, **changes: Any) -> str:
    answer = await api.http.post("/api/fleet-keys", json=SPEC | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def provision(api: RunningApi, key: str, device_id: str = "p1", **body: Any) -> httpx.Response:
    given = {"device_id": device_id, "kind": "pump"} | body
    return await api.reader.post("/api/provision", json=given, headers=bearer(key))


async def registered(api: RunningApi) -> int:
    (key,) = (await api.http.get("/api/fleet-keys")).json()["items"]
    return int(key["registered"])


async def test_a_device_registers_itself_once_and_gets_its_own_credential(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    key = await make_key(api)
    answer = await provision(api, key, name="Pump 1", attributes={"firmware": "1.2"})
    assert answer.status_code == 201, answer.text
    device = answer.json()
    assert (device["kind"], device["labels"], device["attributes"]) == ("pump", ["roof", "2026"], {"firmware": "1.2"})
    credential = device["credential"]["credential"]
    state = await api.reader.get("/api/device", headers=bearer(credential))
    assert state.json()["device"]["name"] == "Pump 1"
    again = await provision(api, key)
    assert (again.status_code, "before" in again.json()["detail"]) == (409, True)
    assert await registered(api) == 1
    stored = await owner.fetchval("SELECT string_agg(k::text, ' ') FROM fleet_keys k")
    assert key.rpartition("_")[2] not in stored
    assert key.rpartition("_")[2] not in (await api.http.get("/api/fleet-keys")).text


async def test_a_device_whose_answer_was_lost_asks_again_until_its_credential_was_used(api: RunningApi) -> None:
    key = await make_key(api, max_devices=1)
    lost = (await provision(api, key)).json()["credential"]["credential"]
    got = (await provision(api, key)).json()["credential"]["credential"]
    assert (await api.reader.get("/api/device", headers=bearer(lost))).status_code == 401
    assert (await api.reader.get("/api/device", headers=bearer(got))).status_code == 200
    assert (await provision(api, key)).status_code == 409
    other = await make_key(api)
    assert (await provision(api, other)).status_code == 409


async def test_a_key_registers_its_kinds_so_many_until_it_ends(api: RunningApi, owner: asyncpg.Connection) -> None:
    key = await make_key(api)
    assert (await provision(api, key, "x", kind="boiler")).status_code == 403
    assert (await provision(api, key, "import")).status_code == 400
    many = await asyncio.gather(*(provision(api, key, f"p{number}") for number in range(8)))
    assert sorted(answer.status_code for answer in many) == [201, 201, *[403] * 6]
    assert (await api.reader.get("/api/devices")).json()["items"][2:] == []
    assert await registered(api) == 2
    await owner.execute("UPDATE fleet_keys SET max_devices = 100, expires_at = now()")
    assert (await provision(api, key, "late")).status_code == 401
    await owner.execute("UPDATE fleet_keys SET expires_at = now() + interval '1 h'")
    assert (await provision(api, key, "early")).status_code == 201
    assert (await api.http.delete(f"/api/fleet-keys/{id_of(key)}")).status_code == 204
    assert (await provision(api, key, "too-late")).status_code == 401


async def test_a_revoked_key_leaves_the_devices_that_it_registered(api: RunningApi) -> None:
    key = await make_key(api)
    credential = (await provision(api, key)).json()["credential"]["credential"]
    assert (await api.http.delete(f"/api/fleet-keys/{id_of(key)}")).status_code == 204
    assert (await api.reader.get("/api/device", headers=bearer(credential))).status_code == 200
    assert (await api.http.delete("/api/fleet-keys/0123456789abcdef")).status_code == 404


async def test_who_was_registered_by_somebody_else_or_deleted_does_not_come_back_by_itself(api: RunningApi) -> None:
    key = await make_key(api)
    await api.http.post("/api/devices", json={"device_id": "known", "kind": "pump"})
    assert (await provision(api, key, "known")).status_code == 409
    await provision(api, key)
    await api.http.delete("/api/devices/p1")
    refused = await provision(api, key)
    assert (refused.status_code, "before" in refused.json()["detail"]) == (409, True)
    assert (await api.http.post("/api/devices", json={"device_id": "p1", "kind": "pump"})).status_code == 201


async def test_a_fleets_key_reads_nothing_and_registers_by_no_other_way(api: RunningApi) -> None:
    key = await make_key(api)
    for method, path in (("GET", "/api/devices"), ("POST", "/api/devices"), ("GET", "/api/device")):
        assert (await api.reader.request(method, path, headers=bearer(key))).status_code == 403
    assert (await api.http.post("/api/provision", json={"device_id": "p", "kind": "pump"})).status_code == 403
    assert (await api.reader.post("/api/provision", json={"device_id": "p", "kind": "pump"})).status_code == 401
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert (await provision(api, wrong)).status_code == 401


async def claim(api: RunningApi, code: str, device_id: str = "p1") -> httpx.Response:
    return await api.http.post(f"/api/devices/{device_id}/claim", json={"code": code})


async def test_a_person_binds_a_device_by_the_code_on_its_label(api: RunningApi, owner: asyncpg.Connection) -> None:
    key = await make_key(api)
    await provision(api, key, claim_code=CODE)
    assert (await claim(api, "7Q2M-9KXD-4HTB")).status_code == 403
    answer = await claim(api, CODE.lower().replace("-", " "))
    assert answer.status_code == 200, answer.text
    shown = (await api.http.get("/api/devices/p1/claim")).json()
    assert (shown["claimed_by"], shown["failures"]) == (answer.json()["claimed_by"], 1)
    assert shown["claimed_by"].startswith("operator token")
    assert (await claim(api, CODE)).status_code == 200
    await owner.execute("UPDATE device_claims SET claimed_by = 'somebody else'")
    assert (await claim(api, CODE)).status_code == 409
    assert (await api.http.delete("/api/devices/p1/claim")).status_code == 204
    assert (await claim(api, CODE)).status_code == 200
    assert CODE.replace("-", "") not in await owner.fetchval("SELECT string_agg(c::text, ' ') FROM device_claims c")


async def test_whoever_is_known_binds_what_they_hold_and_releases_that_alone(api: RunningApi) -> None:
    await provision(api, await make_key(api), claim_code=CODE)
    scopes = {"scopes": ["devices:claim"], "labels": ["elsewhere"]}
    keys = [(await api.http.post("/api/keys", json={"name": name} | scopes)).json()["key"] for name in ("one", "other")]
    first, second = map(bearer, keys)

    async def ask(method: str, who: dict[str, str], **body: Any) -> int:
        return (await api.reader.request(method, "/api/devices/p1/claim", headers=who, **body)).status_code

    assert await ask("POST", {}, json={"code": CODE}) == 401, "who is not known binds nothing"
    assert await ask("GET", first) == 404
    assert await ask("POST", first, json={"code": CODE}) == 200
    assert await ask("GET", first) == 200
    assert (await api.reader.get("/api/devices/p1", headers=first)).status_code == 403, "a claim gives no other right"
    assert [await ask(method, second) for method in ("GET", "DELETE")] == [404, 404]
    assert await ask("POST", second, json={"code": CODE}) == 409
    assert await ask("DELETE", first) == 204
    assert await ask("POST", second, json={"code": CODE}) == 200
    assert await ask("DELETE", dict(api.http.headers)) == 204, "operators release every device"


async def test_ten_wrong_codes_lock_until_a_new_code_is_made(api: RunningApi) -> None:
    await api.http.post("/api/devices", json={"device_id": "p1", "kind": "pump"})
    assert (await api.http.get("/api/devices/p1/claim")).status_code == 404
    code = (await api.http.post("/api/devices/p1/claim-code")).json()["code"]
    wrong = await asyncio.gather(*(claim(api, CODE) for _ in range(10)))
    assert {answer.status_code for answer in wrong} == {403}
    assert (await claim(api, code)).status_code == 403
    renewed = (await api.http.post("/api/devices/p1/claim-code")).json()["code"]
    assert (await claim(api, code)).status_code == 403
    assert (await claim(api, renewed)).status_code == 200


@pytest.mark.parametrize("path", ["/api/devices/none/claim-code", "/api/devices/none/claim"])
async def test_a_device_that_is_not_there_is_told_of_to_operators_alone(api: RunningApi, path: str) -> None:
    answer = await api.http.post(path, json={"code": CODE} if path.endswith("claim") else None)
    assert answer.status_code == (403 if path.endswith("claim") else 404)
