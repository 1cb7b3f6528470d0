"""Viewing links: opened, revoked, expired, limited, and never to be found where they do not belong."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import websockets

from apps.api.limits import Limits
from apps.api.permissions import ANONYMOUS_SCOPES
from apps.api.view_access import REMEMBERED_SECONDS
from tests.apps.api.conftest import RunningApi, api_settings, running_api, until
from tests.support.postgres import TestDatabase


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path, limits: Limits) -> AsyncIterator[RunningApi]:
    """An API that lets nobody look who is not known."""
    with running_api(api_settings(database, tmp_path, ANONYMOUS=""), limits) as running:
        async with running.http, running.reader:
            yield running


@pytest.fixture
async def screen(api: RunningApi) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on a wall, which nobody has signed in."""
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as browser:
        yield browser


async def make(api: RunningApi, **more: Any) -> tuple[str, dict[str, Any]]:
    answer = await api.http.post("/api/viewing-links", json={"name": "hall"} | more)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["link"].partition("#")[2], answer.json()["about"]


async def open_link(screen: httpx.AsyncClient, secret: str) -> httpx.Response:
    return await screen.post("/api/session/view", headers=bearing(secret))


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_a_screen_looks_and_changes_nothing(api: RunningApi, screen: httpx.AsyncClient) -> None:
    views = [{"name": "Heating", "query": "?kind=boiler&view=gauges"}]
    secret, about = await make(api, views=views, every_seconds=30, dim="22-6")
    assert (await screen.get("/api/fleet")).status_code == 401
    opened = await open_link(screen, secret)
    shown = {"name": "hall", "views": views, "every_seconds": 30, "dim": "22-6", "expires_at": None}
    assert (opened.status_code, opened.json()) == (200, shown)
    cookie = opened.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert secret not in opened.text
    # The text of the link is needed no more.
    assert (await screen.get("/api/fleet")).status_code == 200
    session = (await screen.get("/api/session")).json()
    assert (session["name"], session["role"]) == (f"hall (viewing link {about['link_id']})", None)
    assert (set(session["scopes"]), session["screen"]) == (set(ANONYMOUS_SCOPES), shown)
    page = {"Origin": api.url}
    for path, body in (("/api/devices", {"device_id": "d", "kind": "power"}), ("/api/viewing-links", {"name": "more"})):
        assert (await screen.post(path, json=body, headers=page)).status_code == 403
    assert (await screen.get("/api/readings/export", params={"format": "csv"})).status_code == 403
    async with websockets.connect(
        api.live_url, additional_headers={"Cookie": f"view={secret}"}, open_timeout=120
    ) as client:
        await client.send('{"type":"subscribe"}')
        assert '"snapshot"' in str(await client.recv())
    assert (await screen.post("/api/session/sign-out", headers=page)).status_code == 204
    assert (await screen.get("/api/fleet")).status_code == 401


async def test_it_shows_the_devices_with_its_labels_alone(api: RunningApi, screen: httpx.AsyncClient) -> None:
    for device_id, label in (("seen", "hall"), ("hidden", "cellar")):
        spec = {"device_id": device_id, "kind": "power", "labels": [label]}
        assert (await api.http.post("/api/devices", json=spec)).status_code == 201
    secret, _ = await make(api, labels=["hall"])
    await open_link(screen, secret)
    listed = (await screen.get("/api/fleet")).json()["items"]
    assert [device["device_id"] for device in listed] == ["seen"]
    assert (await screen.get("/api/devices/hidden")).status_code == 404


@pytest.mark.parametrize("limits", [Limits(ping_seconds=0.1)])
async def test_a_revoked_link_shows_nothing_any_more_wherever_it_is_open(
    api: RunningApi, screen: httpx.AsyncClient
) -> None:
    secret, about = await make(api)
    await open_link(screen, secret)
    async with websockets.connect(
        api.live_url, additional_headers={"Cookie": f"view={secret}"}, open_timeout=120
    ) as client:
        await client.send('{"type":"subscribe"}')
        assert '"snapshot"' in str(await client.recv())
        assert (await api.http.delete(f"/api/viewing-links/{about['link_id']}")).status_code == 204
        await client.wait_closed()
        assert client.close_code == 1008
    refused = await screen.get("/api/fleet")
    assert (refused.status_code, "ask for a new link" in refused.json()["detail"]) == (401, True)
    # A person who may come in by other means is not kept out by what is left of it.
    assert "view" not in screen.cookies
    (item,) = (await api.http.get("/api/viewing-links")).json()["items"]
    assert item["revoked_by"].startswith("operator token")
    assert item["last_used_at"] is not None
    actions = [event["action"] for event in (await api.http.get("/api/audit")).json()["items"]]
    assert actions == ["viewing-link.revoke", "viewing-link.make"]
    assert (await api.http.delete(f"/api/viewing-links/{about['link_id']}")).status_code == 204
    assert (await api.http.delete("/api/viewing-links/0000000000000000")).status_code == 404


async def test_an_expired_link_shows_nothing_and_its_cookie_ends_with_it(
    api: RunningApi, screen: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    secret, _ = await make(api, expires_at=soon.isoformat())
    cookie = (await open_link(screen, secret)).headers["set-cookie"]
    (lasts,) = [int(part.partition("=")[2]) for part in cookie.split("; ") if part.startswith("Max-Age")]
    assert 3500 < lasts <= 3600
    await owner.execute("UPDATE viewing_links SET expires_at = now()")

    async def refused() -> bool:
        return (await screen.get("/api/fleet")).status_code == 401

    await until(refused, REMEMBERED_SECONDS + 120)
    past = await api.http.post("/api/viewing-links", json={"name": "late", "expires_at": "2020-01-01T00:00:00Z"})
    assert past.status_code == 400


@pytest.mark.parametrize("secret", ["sav_", f"sav_{'0' * 16}_{'0' * 64}", f"sak_{'0' * 12}_{'A' * 43}"])
async def test_what_is_no_link_opens_nothing(screen: httpx.AsyncClient, secret: str) -> None:
    assert (await open_link(screen, secret)).status_code in (401, 422)
    assert (await screen.get("/api/fleet", headers={"Cookie": f"view={secret}"})).status_code == 401


async def test_its_secret_stands_in_no_log_and_in_no_table(
    api: RunningApi, screen: httpx.AsyncClient, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, about = await make(api)
    await open_link(screen, secret)
    await screen.get("/api/fleet")
    tables = [row[0] for row in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    dump = "".join([str(await owner.fetch(f"SELECT * FROM {table} t")) for table in tables])
    logged = "".join(str(record.__dict__) for record in caplog.records if not record.name.startswith("http"))
    for text in (dump, logged):
        assert about["link_id"] in text
        assert secret.rpartition("_")[2] not in text
