"""Authorization as a table: every operation and every WebSocket message, asked as everybody there is.

The rows come from the API's own document, so that a new operation is asked too. An answer that is neither 401 nor 403
let the caller in: what it found wrong with the request came afterwards.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import websockets

from apps.api.app import build
from apps.api.permissions import ALL_SCOPES, ANONYMOUS_SCOPES, ROLE_SCOPES, Permission, Role
from apps.platform.http import PROBES
from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.platform.issuer import OURS, PAGE, login, running_issuer, sign_in
from tests.support.api import TOKEN
from tests.support.postgres import TestDatabase

PUBLIC = {Permission.PUBLIC}
UUID_ZERO = str(UUID(int=0))


@dataclass(frozen=True)
class Asking:
    """Somebody who asks: what they send, and what they may."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    scopes: frozenset[Permission] = frozenset()
    status: int = 401
    """How they are refused."""
    is_refused_everywhere: bool = False
    """Whether what they send is no longer true, so that nothing is done for them at all."""


@pytest.fixture
async def everybody(database: TestDatabase, tmp_path: Path) -> AsyncIterator[tuple[RunningApi, list[Asking]]]:
    async with AsyncExitStack() as stack:
        issuer = stack.enter_context(running_issuer())
        api = stack.enter_context(running_api(api_settings(database, tmp_path, **login(issuer))))
        await stack.enter_async_context(api.http)
        await stack.enter_async_context(api.reader)
        asking = [Asking("nobody"), Asking("the operator's token", bearing(TOKEN), ALL_SCOPES, 403)]
        for role in Role:
            browser = await stack.enter_async_context(sign_in(api, role))
            cookie = {"Cookie": f"session={browser.cookies['session']}", **OURS}
            asking.append(Asking(f"a person, {role}", cookie, ROLE_SCOPES[role], 403))
        for scope in sorted(ALL_SCOPES):
            key, _ = await make_key(api, scope)
            asking.append(Asking(f"a key, {scope}", bearing(key), frozenset({scope}), 403))
        every = sorted(ALL_SCOPES)
        key, revoked = await make_key(api, *every)
        assert (await api.http.delete(f"/api/keys/{revoked}")).status_code == 204
        asking.append(Asking("a revoked key", bearing(key), is_refused_everywhere=True))
        key, expired = await make_key(api, *every)
        owner = await database.connect()
        await owner.execute("UPDATE api_keys SET expires_at = now() WHERE key_id = $1", expired)
        await owner.close()
        asking.append(Asking("an expired key", bearing(key), is_refused_everywhere=True))
        asking.append(
            Asking("a key that was never made", bearing(f"sak_{'0' * 12}_{'A' * 43}"), is_refused_everywhere=True)
        )
        async with sign_in(api, Role.ADMINISTRATOR) as browser:
            left = {"Cookie": f"session={browser.cookies['session']}", **OURS}
            assert (await browser.post("/api/session/sign-out", headers=OURS)).status_code == 204
        asking.append(Asking("who has signed out", left))
        secret, _ = await make_link(api)
        asking.append(Asking("a screen", {"Cookie": f"view={secret}", **OURS}, ANONYMOUS_SCOPES, 403))
        secret, revoked = await make_link(api)
        assert (await api.http.delete(f"/api/viewing-links/{revoked}")).status_code == 204
        asking.append(Asking("a revoked viewing link", bearing(secret), is_refused_everywhere=True))
        credential, _ = await make_device(api, "known")
        asking.append(Asking("a device", bearing(credential), frozenset({Permission.DEVICE_SELF}), 403))
        key, _ = await make_fleet_key(api)
        asking.append(Asking("a fleet's key", bearing(key), frozenset({Permission.FLEET_REGISTER}), 403))
        key, revoked = await make_fleet_key(api)
        assert (await api.http.delete(f"/api/fleet-keys/{revoked}")).status_code == 204
        asking.append(Asking("a revoked key of a fleet", bearing(key), is_refused_everywhere=True))
        credential, revoked = await make_device(api, "leaked")
        assert (await api.http.delete(f"/api/devices/leaked/credentials/{revoked}")).status_code == 200
        asking.append(Asking("a revoked credential", bearing(credential), is_refused_everywhere=True))
        yield api, asking


async def make_key(api: RunningApi, *scopes: str) -> tuple[str, str]:
    response = await api.http.post("/api/keys", json={"name": "of the table", "scopes": scopes})
    assert response.status_code == 201, response.text
    return response.json()["key"], response.json()["about"]["key_id"]


async def make_device(api: RunningApi, device_id: str) -> tuple[str, str]:
    credential = (await api.http.post("/api/devices", json={"device_id": device_id, "kind": "pump"})).json()[
        "credential"
    ]
    return credential["credential"], credential["credential_id"]


async def make_fleet_key(api: RunningApi) -> tuple[str, str]:
    spec = {"name": "fleet", "kinds": ["pump"], "max_devices": 1, "expires_in": 3600}
    created = (await api.http.post("/api/fleet-keys", json=spec)).json()
    return created["key"], created["about"]["key_id"]


async def make_link(api: RunningApi) -> tuple[str, str]:
    created = (await api.http.post("/api/viewing-links", json={"name": "hall"})).json()
    return created["link"].partition("#")[2], created["about"]["link_id"]


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def operations(document: dict[str, Any]) -> list[tuple[str, str, Permission]]:
    """Every operation; signing out, after which a session is no more, comes last."""
    found = [
        (method.upper(), path, Permission(operation["x-permission"]))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda row: row[1] == "/session/sign-out")


def place(path: str) -> str:
    """A path with ids that nothing has, so that nothing is changed whoever asks."""
    return re.sub(
        r"{(\w+)}", lambda name: {"alert_id": UUID_ZERO, "session_id": "0" * 16}.get(name[1], "nothing"), path
    )


async def test_everybody_may_what_their_scopes_say_and_nothing_else(
    everybody: tuple[RunningApi, list[Asking]],
) -> None:
    api, asking = everybody
    document = (await api.reader.get("/openapi.json")).json()
    rows = operations(document)
    assert len(rows) > 30
    wrong = []
    for method, path, permission in rows:
        for who in asking:
            answer = await api.reader.request(method, place(path), headers=who.headers)
            may = permission in who.scopes | PUBLIC and not who.is_refused_everywhere
            let_in = answer.status_code not in (401, 403)
            if let_in != may or (not let_in and answer.status_code != who.status):
                wrong.append((method, path, permission, who.name, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("alerts", [True, False])
async def test_everybody_follows_what_their_scopes_say(
    everybody: tuple[RunningApi, list[Asking]], alerts: bool
) -> None:
    api, asking = everybody
    document = (await api.reader.get("/openapi.json")).json()
    sent = document["x-websockets"]["/live"]
    permissions = {message["x-permission"] for side in ("from_client", "from_server") for message in sent[side]}
    assert permissions == {"readings:read", "alerts:read", "public"}
    needed = {Permission.READINGS_READ} | ({Permission.ALERTS_READ} if alerts else set())
    wrong = [who.name for who in asking if await follows(api, who, alerts) != (needed <= who.scopes)]
    assert wrong == []


async def follows(api: RunningApi, who: Asking, alerts: bool) -> bool:
    try:
        async with websockets.connect(api.live_url, additional_headers=who.headers | {"Origin": PAGE}) as client:
            await client.send(json.dumps({"type": "subscribe", "alerts": alerts}))
            async with asyncio.timeout(20):
                return '"snapshot"' in str(await client.recv())
    except (websockets.InvalidStatus, websockets.ConnectionClosedError):
        return False


async def test_nothing_is_served_that_the_table_does_not_hold(database: TestDatabase, tmp_path: Path) -> None:
    app = build(api_settings(database, tmp_path))
    served = {getattr(route, "path", None) for route in app.routes}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as client:
        described = (await client.get("/openapi.json")).json()
    documented = {*described["paths"], *described["x-websockets"]}
    assert served <= {*PROBES, *documented, *(f"/api{path}" for path in documented)}
