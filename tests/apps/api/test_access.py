"""What needs a key, and what is told to whoever has none or a wrong one."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
import websockets

from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.support.api import TOKEN
from tests.support.postgres import TestDatabase

FOR_PEOPLE = ("/api/rejected", "/api/readings/export?format=csv")
WRONG = {"Authorization": "Bearer another-token-of-the-tests"}
LONG = "d" * 60


@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_what_devices_sent_and_whole_histories_are_for_the_operator(empty_api: httpx.Client, path: str) -> None:
    assert empty_api.get(path).status_code == 200
    for headers in ({}, WRONG, {"Authorization": ""}, {"Authorization": f"Basic {TOKEN}"}):
        refused = httpx.get(str(empty_api.base_url.join(path)), headers=headers)
        assert refused.status_code == 401, headers
        assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_a_header_means_nothing_where_nobody_signs_in(empty_api: httpx.Client, path: str) -> None:
    headers = {"x-amzn-oidc-identity": "somebody", "x-amzn-oidc-data": "a.b.c"}
    assert httpx.get(str(empty_api.base_url.join(path)), headers=headers).status_code == 401


def test_a_token_that_is_sent_must_be_right_where_none_is_needed_too(empty_api: httpx.Client) -> None:
    """The load balancer lets whoever sends one pass without a login."""
    document = empty_api.get("/api/openapi.json").json()
    reads = [path for path, methods in document["paths"].items() if "get" in methods]
    assert "/devices" in reads
    for path in reads:
        url = str(empty_api.base_url.join("/api" + path.replace("{", "").replace("}", "")))
        for headers in (WRONG, {"Authorization": ""}, {"Authorization": "Bearer"}):
            assert httpx.get(url, headers=headers).status_code == 401, (path, headers)
        two = [("Authorization", WRONG["Authorization"]), ("Authorization", f"Bearer {TOKEN}")]
        assert httpx.get(url, headers=two).status_code == 401, path


async def test_a_page_that_sends_a_wrong_token_gets_no_live_updates(api: RunningApi) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(api.live_url, additional_headers=WRONG)
    assert refused.value.response.status_code == 403
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
        async with websockets.connect(api.live_url, additional_headers=headers):
            pass


async def test_only_some_exports_go_on_at_a_time(
    database: TestDatabase, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await fill(owner)
    export = "/api/readings/export?format=csv"
    with running_api(api_settings(database, tmp_path, MAX_EXPORTS="1")) as api:
        async with api.http, api.reader:
            assert (await api.http.head(export)).status_code == 200
            async with slow_reader(api) as reader, reader.stream("GET", export) as first:
                await anext(first.aiter_bytes())
                refused = await api.http.get(export)
                assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
                assert "no more than 1 exports" in refused.json()["detail"]
            # Left by its reader, it is over.
            async with asyncio.timeout(20):
                while (await api.http.head(export)).status_code != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert (await api.http.get(export)).status_code == 200
            assert (await api.http.get(export)).status_code == 200


def slow_reader(api: RunningApi) -> httpx.AsyncClient:
    """A client that takes in no more than it reads: the system's buffer would hold all of a small export."""
    transport = httpx.AsyncHTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)])
    return httpx.AsyncClient(base_url=api.url, headers=api.http.headers, transport=transport, timeout=30)


async def fill(owner: asyncpg.Connection) -> None:
    """Store more readings than fit into the buffers of a connection."""
    since = datetime.now(UTC) - timedelta(days=1)
    await owner.execute("SELECT ensure_partition($1)", since)
    await owner.execute("SELECT ensure_partition(now())")
    await owner.execute(
        "INSERT INTO sensor_readings (device_id, metric, ts, value, received_at) "
        "SELECT $2, $2, $1::timestamptz + n * interval '0.5 second', n, now() FROM generate_series(1, 100000) n",
        since,
        LONG,
    )
    await owner.execute(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES ($1, $1, now(), 0, now())", LONG
    )


async def test_a_client_that_asks_for_what_it_may_not_have_is_told_so(api: RunningApi) -> None:
    response = await api.http.post("/api/keys", json={"name": "readings alone", "scopes": ["readings:read"]})
    headers = {"Authorization": f"Bearer {response.json()['key']}"}
    async with websockets.connect(api.live_url, additional_headers=headers) as client:
        await client.send('{"type":"subscribe","alerts":false}')
        assert '"snapshot"' in str(await client.recv())
        await client.send('{"type":"subscribe"}')
        with pytest.raises(websockets.ConnectionClosedError, match="this needs alerts:read"):
            await client.recv()


async def test_where_nobody_signs_in_there_is_no_way_to(api: RunningApi) -> None:
    for path in ("/api/session/sign-in", "/api/session/callback?code=a&state=b"):
        assert (await api.reader.get(path)).status_code == 404
