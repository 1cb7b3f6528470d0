"""WebSockets over the wire, on a real database that notifies."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import websockets
from websockets.typing import Origin

from apps.api.limits import Limits
from apps.api.live import session
from apps.platform.timeouts import HttpTimeouts
from tests.apps.api.conftest import RunningApi, api_settings, running_api, until
from tests.support.postgres import TestDatabase

NOW = datetime.now(UTC)


def reading(device_id: str = "d", seconds: float = 0, value: float = 1.0, metric: str = "m") -> dict[str, Any]:
    ts = (NOW - timedelta(minutes=5) + timedelta(seconds=seconds)).isoformat()
    return {"device_id": device_id, "metric": metric, "ts": ts, "value": value}


LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'api-live'"
LATEST = "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES ($1, 'm', now(), 7, now())"

often_pinged = pytest.mark.parametrize("limits", [Limits(ping_seconds=0.05)], ids=[""])


class Follower:
    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection

    async def subscribe(
        self, device_ids: list[str] | None = None, metrics: list[str] | None = None, alerts: bool = True
    ) -> dict[str, Any]:
        message = {"type": "subscribe", "device_ids": device_ids, "metrics": metrics, "alerts": alerts}
        await self.connection.send(json.dumps(message))
        return await self.next("snapshot")

    async def next(self, kind: str) -> dict[str, Any]:
        """Return the next message of a kind; pings are answered on the way."""
        async with asyncio.timeout(15):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                if message["type"] == "ping" != kind:
                    await self.connection.send('{"type": "pong"}')
                elif message["type"] == kind:
                    return message

    async def closed(self) -> tuple[int | None, str | None]:
        async with asyncio.timeout(15):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def following(api: RunningApi, **options: Any) -> AsyncIterator[Follower]:
    async with websockets.connect(api.live_url, **options) as connection:
        yield Follower(connection)


def brief(readings: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, float]]:
    return sorted((item["device_id"], item["metric"], item["value"]) for item in readings)


async def test_a_subscriber_gets_a_snapshot_and_then_what_is_new(api: RunningApi) -> None:
    await api.store(reading("a", value=1.0), reading("b", value=2.0))
    async with following(api) as follower:
        # The feed may not have seen the last commit yet: then it follows as an update.
        seen = {(r["device_id"]): r for r in (await follower.subscribe())["readings"]}
        while len(seen) < 2:
            seen |= {r["device_id"]: r for r in (await follower.next("readings"))["readings"]}
        assert brief(seen.values()) == [("a", "m", 1.0), ("b", "m", 2.0)]
        assert set(seen["a"]) == {"device_id", "metric", "ts", "value", "received_at", "stored_at"}
        await api.store(reading("a", 10, 3.0), reading("b", -10, 0.0))
        update = await follower.next("readings")
        assert (brief(update["readings"]), update["dropped"]) == ([("a", "m", 3.0)], 0)


async def test_a_subscription_names_devices_and_metrics_and_may_be_changed(api: RunningApi) -> None:
    async with following(api) as follower:
        assert (await follower.subscribe(["a"], ["m"]))["readings"] == []
        await api.store(reading("a"), reading("a", metric="other"), reading("b"))
        assert brief((await follower.next("readings"))["readings"]) == [("a", "m", 1.0)]
        assert brief((await follower.subscribe(["b"]))["readings"]) == [("b", "m", 1.0)]
        await api.store(reading("a", 1), reading("b", 1, 2.0))
        assert brief((await follower.next("readings"))["readings"]) == [("b", "m", 2.0)]


async def test_an_alert_is_shown_when_it_opens_and_each_time_it_changes(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    async with following(api) as follower:
        assert (await follower.subscribe([]))["alerts"] == []
        alert_id = await owner.fetchval(
            "INSERT INTO alerts (source, rule, severity, message) VALUES ('s', 'r', 'info', 'm') RETURNING alert_id"
        )
        await owner.execute("NOTIFY alerts_changed")
        (opened,) = (await follower.next("alerts"))["alerts"]
        assert (opened["alert_id"], opened["state"]) == (str(alert_id), "open")
        for verb, state in (("acknowledge", "acknowledged"), ("resolve", "resolved")):
            await api.http.post(f"/api/alerts/{alert_id}/{verb}", json={})
            (changed,) = (await follower.next("alerts"))["alerts"]
            assert changed["state"] == state
        assert (await follower.subscribe())["alerts"] == []


async def test_a_message_that_cannot_be_understood_is_answered_and_the_connection_stays(api: RunningApi) -> None:
    async with following(api) as follower:
        for sent in ("{", '{"type":"subscribe","metrics":["Not One"]}', '{"type":"dance"}', b"\xff"):
            await follower.connection.send(sent)
            assert (await follower.next("error"))["detail"]
        assert (await follower.subscribe())["type"] == "snapshot"


async def test_a_client_that_sends_nothing_but_nonsense_is_disconnected(api: RunningApi) -> None:
    async with following(api) as follower:
        for _ in range(session.MAX_ERRORS):
            await follower.connection.send("nonsense")
        assert await follower.closed() == (1008, session.TOO_MANY_ERRORS.text)


async def test_a_message_that_is_too_large_ends_the_connection(api: RunningApi) -> None:
    async with following(api) as follower:
        await follower.connection.send('{"type":"subscribe"' + " " * 70_000 + "}")
        code, _ = await follower.closed()
        assert code == 1009


@often_pinged
async def test_pings_come_and_a_client_that_answers_none_is_disconnected(api: RunningApi) -> None:
    async with following(api) as answering, following(api) as silent:
        await answering.subscribe()
        await silent.subscribe()
        for _ in range(3 * session.MAX_MISSED_PONGS):
            ping = await answering.next("ping")
            assert datetime.fromisoformat(ping["at"]).tzinfo is not None
            await answering.connection.send('{"type":"pong"}')
        assert await silent.closed() == (1008, session.SILENT.text)


@often_pinged
async def test_a_client_that_does_not_subscribe_is_disconnected(api: RunningApi) -> None:
    async with following(api) as follower:
        assert await follower.closed() == (1008, session.NOT_SUBSCRIBED.text)


async def test_only_pages_of_this_host_or_of_configured_origins_may_connect(
    database: TestDatabase, tmp_path: Path
) -> None:
    settings = api_settings(database, tmp_path, ALLOWED_ORIGINS="https://partner.test,https://other.test")
    with running_api(settings) as api:
        for origin in (None, api.url, "http://platform.test", "https://partner.test", "https://other.test"):
            async with following(api, origin=origin) as follower:
                assert await follower.subscribe()
        for origin in ("http://elsewhere.test", f"{api.url}.elsewhere.test", "http://127.0.0.1:1", "null"):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(api.live_url, origin=Origin(origin))
            assert refused.value.response.status_code == 403


async def test_one_client_too_many_is_told_to_try_again_later(database: TestDatabase, tmp_path: Path) -> None:
    with running_api(api_settings(database, tmp_path, LIVE_CLIENTS="2")) as api:
        async with following(api) as first, following(api) as second:
            await first.subscribe()
            await second.subscribe()
            async with following(api) as third:
                code, reason = await third.closed()
                assert (code, reason) == (1013, session.FULL.text)
        async with asyncio.timeout(10):
            while True:
                async with following(api) as fourth:
                    await fourth.connection.send('{"type":"subscribe"}')
                    try:
                        assert json.loads(await fourth.connection.recv())["type"] == "snapshot"
                        return
                    except websockets.ConnectionClosed:
                        continue


async def test_updates_go_on_after_the_database_ended_the_listening_connection(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    async with following(api) as follower:
        await follower.subscribe()
        for round_ in range(3):
            assert await owner.fetchval(LISTENING.replace("count(*)", "count(pg_terminate_backend(pid))")) == 1
            await api.store(reading(seconds=round_, value=float(round_)))
            assert brief((await follower.next("readings"))["readings"]) == [("d", "m", float(round_))]
            await until(lambda: owner.fetchval(LISTENING))


@pytest.mark.parametrize("limits", [Limits(idle_seconds=0.1)], ids=[""])
async def test_a_commit_that_notified_nobody_is_seen_all_the_same(api: RunningApi, owner: asyncpg.Connection) -> None:
    async with following(api) as follower:
        await follower.subscribe()
        await owner.execute("INSERT INTO devices (device_id, kind) VALUES ('d', 'power')")
        await owner.execute(LATEST, "d")
        assert brief((await follower.next("readings"))["readings"]) == [("d", "m", 7.0)]


async def test_a_commit_that_comes_after_newer_ones_is_seen(
    api: RunningApi, owner: asyncpg.Connection, database: TestDatabase
) -> None:
    await see_a_late_commit(api, owner, database)


# Only reading everything again finds what commits late, and that happens often.
@pytest.mark.parametrize("limits", [Limits(overlap=timedelta(0), full_refresh_seconds=0.5)], ids=[""])
async def test_a_commit_that_comes_very_late_is_seen_too(
    api: RunningApi, owner: asyncpg.Connection, database: TestDatabase
) -> None:
    await see_a_late_commit(api, owner, database)


async def see_a_late_commit(api: RunningApi, owner: asyncpg.Connection, database: TestDatabase) -> None:
    late = await database.connect()
    await owner.execute("INSERT INTO devices (device_id, kind) VALUES ('late', 'power')")
    async with following(api) as follower:
        await follower.subscribe()
        async with late.transaction():
            await late.execute(LATEST, "late")
            await api.store(reading("quick"))
            assert brief((await follower.next("readings"))["readings"]) == [("quick", "m", 1.0)]
            await late.execute("NOTIFY readings_stored")
        assert brief((await follower.next("readings"))["readings"]) == [("late", "m", 7.0)]
    await late.close()


@pytest.mark.parametrize("timeouts", [HttpTimeouts(write_stall_seconds=0.5)], ids=[""])
async def test_a_client_that_stops_reading_is_let_go_and_the_others_notice_nothing(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "INSERT INTO devices (device_id, kind) SELECT 'd' || n, 'power' FROM generate_series(1, 20000) n"
    )
    await owner.execute(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) "
        "SELECT 'd' || n, 'm', now(), 0, now() FROM generate_series(1, 20000) n"
    )
    stalled = await stalled_client(api)
    async with following(api, max_size=None) as follower:
        await follower.subscribe(["d1"])

        async def alone() -> bool:
            return b"api_live_clients 1.0" in (await api.reader.get("/metrics")).content

        await until(alone)
        await api.store(reading("d1", 299, 5.0))
        while not (found := brief((await follower.next("readings"))["readings"])):
            pass
        assert found[-1][0] == "d1"
    stalled.close()


async def stalled_client(api: RunningApi) -> socket.socket:
    """Return a socket that subscribed to everything and never reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    host, port = api.url.removeprefix("http://").split(":")
    await loop.sock_connect(connection, (host, int(port)))
    handshake = (
        f"GET /api/live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(connection, handshake.encode())
    assert b"101" in await loop.sock_recv(connection, 64)
    message = b'{"type":"subscribe"}'
    masked = bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message
    await loop.sock_sendall(connection, masked)
    return connection
