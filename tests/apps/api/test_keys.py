"""Keys of programs: made, used, expired, revoked, and never to be found where they do not belong."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import websockets

from apps.api.key_access import REMEMBERED_SECONDS
from apps.api.limits import Limits
from apps.api.permissions import ALL_SCOPES, ANONYMOUS_SCOPES, ROLE_SCOPES, Role
from tests.apps.api.conftest import RunningApi, api_settings, running_api, until
from tests.support.api import TOKEN, secrets
from tests.support.postgres import TestDatabase

SPEC = {"device_id": "d", "kind": "power"}


async def make(api: RunningApi, *scopes: str, **more: Any) -> tuple[str, dict[str, Any]]:
    answer = await api.http.post("/api/keys", json={"name": "a program", "scopes": scopes, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    created = answer.json()
    return created["key"], created["about"]


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def replica(database: TestDatabase, tmp_path: Path) -> AsyncIterator[RunningApi]:
    with running_api(api_settings(database, tmp_path)) as running:
        async with running.http, running.reader:
            yield running


async def test_a_key_may_do_what_its_scopes_say_and_is_shown_once(api: RunningApi) -> None:
    key, about = await make(api, "devices:write")
    assert about["scopes"] == ["devices:write"]
    assert (await api.reader.post("/api/devices", json=SPEC, headers=bearing(key))).status_code == 201
    refused = await api.reader.get("/api/devices", headers=bearing(key))
    assert refused.status_code == 403
    assert "devices:read" in refused.json()["detail"]
    listed = await api.http.get("/api/keys")
    assert key.rpartition("_")[2] not in listed.text
    assert {item["name"] for item in listed.json()["items"]} == {"a program", "operator token"}
    assert listed.json()["items"][0]["last_used_at"] is not None


async def test_a_revoked_key_is_refused_at_once_here_and_within_seconds_elsewhere(
    api: RunningApi, replica: RunningApi
) -> None:
    key, about = await make(api, "devices:read")
    for server in (api, replica):
        assert (await server.reader.get("/api/devices", headers=bearing(key))).status_code == 200
    assert (await api.http.delete(f"/api/keys/{about['key_id']}")).status_code == 204
    assert (await api.reader.get("/api/devices", headers=bearing(key))).status_code == 401
    revoked = datetime.now(UTC)

    async def refused() -> bool:
        return (await replica.reader.get("/api/devices", headers=bearing(key))).status_code == 401

    await until(refused)
    assert datetime.now(UTC) - revoked < timedelta(seconds=REMEMBERED_SECONDS + 2)
    item = next(server for server in (await api.http.get("/api/keys")).json()["items"] if server["name"] == "a program")
    assert item["revoked_by"].startswith("operator token (key operator-")
    assert (await api.http.delete(f"/api/keys/{about['key_id']}")).status_code == 204
    assert (await api.http.delete("/api/keys/000000000000")).status_code == 404


@pytest.mark.parametrize("limits", [Limits(ping_seconds=0.1)])
async def test_who_follows_with_a_key_is_let_go_when_it_is_revoked(api: RunningApi) -> None:
    key, about = await make(api, "readings:read")
    async with websockets.connect(api.live_url, additional_headers=bearing(key)) as client:
        await client.send('{"type":"subscribe","alerts":false}')
        assert '"snapshot"' in str(await client.recv())
        await api.http.delete(f"/api/keys/{about['key_id']}")
        async with asyncio.timeout(20):
            await client.wait_closed()
        assert (client.close_code, client.close_reason) == (1008, "the key that was sent is not valid")


async def test_an_expired_key_is_refused(api: RunningApi, owner: asyncpg.Connection) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    key, about = await make(api, "devices:read", expires_at=soon)
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE key_id = $1", about["key_id"])
    assert (await api.reader.get("/api/devices", headers=bearing(key))).status_code == 401
    past = {"name": "late", "scopes": ["devices:read"], "expires_at": "2020-01-01T00:00:00Z"}
    assert (await api.http.post("/api/keys", json=past)).status_code == 400


async def test_nobody_makes_a_key_that_may_more_than_they_may(api: RunningApi) -> None:
    key, _ = await make(api, "keys:manage", "devices:read")
    spec = {"name": "more", "scopes": ["devices:read", "devices:write"]}
    refused = await api.reader.post("/api/keys", json=spec, headers=bearing(key))
    assert (refused.status_code, "devices:write" in refused.json()["detail"]) == (403, True)
    unlimited = await api.http.post("/api/keys", json=spec | {"labels": ["roof"]})
    assert (unlimited.status_code, "devices:write" in unlimited.json()["detail"]) == (400, True)


async def test_the_operators_token_is_thrown_away_by_revoking_it(api: RunningApi) -> None:
    key, _ = await make(api, *sorted(ROLE_SCOPES[Role.ADMINISTRATOR]))
    items = (await api.http.get("/api/keys")).json()["items"]
    (operator,) = [item["key_id"] for item in items if item["name"] == "operator token"]
    revoked = await api.reader.delete(f"/api/keys/{operator}", headers=bearing(key))
    assert revoked.status_code == 204
    assert (await api.http.get("/api/keys")).status_code == 401
    assert (await api.reader.get("/api/keys", headers=bearing(key))).status_code == 200
    # Another token in its place is another key.
    api.settings.operator_token_file.write_text("another-token-of-the-operator")
    assert (await api.reader.get("/api/keys", headers=bearing("another-token-of-the-operator"))).status_code == 200
    assert (await api.http.get("/api/keys")).status_code == 401


async def test_no_key_stands_in_the_log_or_in_the_database(
    api: RunningApi, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, about = await make(api, "devices:write")
    await api.reader.post("/api/devices", json=SPEC, headers=bearing(key))
    await api.reader.get("/api/devices", headers=bearing(key + "x"))
    await api.http.delete(f"/api/keys/{about['key_id']}")
    tables = [row[0] for row in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    dump = "".join([str(await owner.fetch(f"SELECT * FROM {table} t")) for table in tables])
    logged = "".join(str(record.__dict__) for record in caplog.records if not record.name.startswith("http"))
    secret = key.rpartition("_")[2]
    assert about["key_id"] in dump
    assert about["key_id"] in logged
    for text in (dump, logged):
        assert secret not in text
        assert TOKEN not in text


def keys_command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "apps.api", "keys", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


async def test_keys_are_made_and_revoked_by_command(api: RunningApi, database: TestDatabase, tmp_path: Path) -> None:
    environment = database.environment("api") | secrets(tmp_path)
    process = keys_command(environment, "make", "nightly report", "--role", "viewer", "--days", "30")
    key = process.stdout.strip()
    assert (process.returncode, process.stderr) == (0, "")
    assert (await api.reader.get("/api/rejected", headers=bearing(key))).status_code == 200
    listed = keys_command(environment, "list").stdout
    assert "'nightly report'" in listed
    assert key.rpartition("_")[2] not in listed
    assert keys_command(environment, "revoke", key.split("_")[1]).returncode == 0
    assert "revoked" in keys_command(environment, "list").stdout
    wrong = keys_command(environment, "revoke", "nothing")
    assert (wrong.returncode, wrong.stderr) == (1, "there is no key nothing: list them with `keys list`\n")
    assert "give --role or --scope" in keys_command(environment, "make", "nothing").stderr
    events = (await api.http.get("/api/audit")).json()["items"]
    assert [event["action"] for event in events] == ["key.revoke", "key.make"]
    assert events[0]["actor"].endswith("(command)")


def test_each_role_may_what_the_one_before_may() -> None:
    assert ANONYMOUS_SCOPES < ROLE_SCOPES[Role.VIEWER] < ROLE_SCOPES[Role.OPERATOR] < ROLE_SCOPES[Role.ADMINISTRATOR]
    assert ROLE_SCOPES[Role.ADMINISTRATOR] == ALL_SCOPES


async def test_without_the_database_nobody_is_let_in(database: TestDatabase, tmp_path: Path) -> None:
    settings = api_settings(database, tmp_path, DATABASE_PORT="1")
    with running_api(settings, Limits(acquire_seconds=0.2)) as api:
        async with api.http, api.reader:
            for key in (TOKEN, f"sak_{'0' * 12}_{'x' * 43}"):
                assert (await api.reader.get("/api/keys", headers=bearing(key))).status_code == 503
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(api.live_url, additional_headers=bearing(TOKEN))
            assert (await api.reader.get("/api/openapi.json")).status_code == 200
