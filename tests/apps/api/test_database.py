"""The database busy, slow, away and back; and many tasks at once, each with a connection of its own."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from apps.api.database import Database
from apps.api.errors import DatabaseUnavailableError
from apps.api.limits import Limits
from apps.api.queries import devices
from apps.domain.devices import DeviceSpec
from devtools.postgres import Postgres
from tests.apps.api.conftest import RunningApi, api_settings, running_api, until
from tests.apps.api.test_live import brief, following, reading
from tests.support import postgres
from tests.support.postgres import TestDatabase


@pytest.fixture
async def small(database: TestDatabase, tmp_path: Path, limits: Limits) -> AsyncIterator[RunningApi]:
    """An API with two connections for requests."""
    with running_api(api_settings(database, tmp_path, DATABASE_CONNECTIONS="3"), limits) as running:
        async with running.http, running.reader:
            yield running


@pytest.mark.parametrize("limits", [Limits(acquire_seconds=0.3)], ids=[""])
async def test_when_every_connection_is_busy_a_request_is_told_to_come_again_and_none_hangs(
    small: RunningApi, owner: asyncpg.Connection, database: TestDatabase
) -> None:
    watcher = await database.connect()
    async with owner.transaction():
        await owner.execute("LOCK TABLE devices")
        stuck = [asyncio.create_task(small.reader.get("/api/devices")) for _ in range(2)]
        waiting = (
            "SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'api'"
        )
        await until(lambda: watcher.fetchval(waiting))
        refused = await small.reader.get("/api/alerts")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.headers["content-type"] == "application/problem+json"
        assert "busy" in refused.json()["detail"]
        assert (await small.reader.get("/ready")).status_code == 503
        assert (await small.reader.get("/health")).status_code == 200
    assert [answer.status_code for answer in await asyncio.gather(*stuck)] == [200, 200]
    assert (await small.reader.get("/ready")).json() == {"ready": True, "reason": None}
    await watcher.close()


async def test_a_query_that_takes_too_long_is_ended_and_its_connection_serves_again(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    with running_api(api_settings(database, tmp_path, DATABASE_CONNECTIONS="2"), Limits(query_seconds=0.3)) as api:
        async with owner.transaction():
            await owner.execute("LOCK TABLE devices")
            for _ in range(4):
                answer = await api.reader.get("/api/devices")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
                assert "0.3 s" in answer.json()["detail"]
        assert (await api.reader.get("/api/devices")).status_code == 200


async def test_without_the_database_requests_are_told_so_and_it_all_goes_on_when_it_is_back(
    own_server: Postgres, tmp_path: Path
) -> None:
    database = await postgres.copy_template(own_server)
    with running_api(api_settings(database, tmp_path)) as api:
        async with api.http, api.reader, following(api) as follower:
            await api.store(reading())
            await follower.subscribe()
            own_server.stop()
            for method, path, body in (
                ("GET", "/api/devices", None),
                ("GET", "/api/readings", None),
                ("POST", "/readings", [reading(seconds=1)]),
                ("GET", "/api/readings/export?format=csv", None),
            ):
                started = time.monotonic()
                answer = await api.http.request(method, path, json=body)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), answer.text
                assert "not reachable" in answer.json()["detail"]
                assert time.monotonic() - started < 8
            assert (await api.reader.get("/ready")).status_code == 503
            assert (await api.reader.get("/health")).status_code == 200
            own_server.start()

            async def ready() -> bool:
                return (await api.reader.get("/ready")).status_code == 200

            await until(ready)
            await api.store(reading(seconds=2, value=9.0))
            while brief((await follower.next("readings"))["readings"]) != [("d", "m", 9.0)]:
                pass


async def test_a_service_that_starts_before_its_database_serves_once_it_is_there(
    own_server: Postgres, tmp_path: Path
) -> None:
    database = await postgres.copy_template(own_server)
    own_server.stop()
    with running_api(api_settings(database, tmp_path)) as api:
        assert (await api.reader.get("/api/devices")).status_code == 503
        own_server.start()

        async def served() -> bool:
            return (await api.reader.get("/api/devices")).status_code == 200

        await until(served)


async def test_a_new_connection_proves_itself_with_what_is_valid_now(own_server: Postgres, tmp_path: Path) -> None:
    database = await postgres.copy_template(own_server)
    owner = await database.connect()
    with running_api(api_settings(database, tmp_path)) as api:
        async with api.http, api.reader:
            assert (await api.reader.get("/api/devices")).status_code == 200
            await owner.execute("ALTER ROLE api PASSWORD 'another'")
            (own_server.folder / "api.password").write_text("another")
            await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'api'")

            async def served() -> bool:
                return (await api.reader.get("/api/devices")).status_code == 200

            await until(served)
    await owner.close()


async def test_each_of_many_tasks_has_its_own_transaction(database: TestDatabase, tmp_path: Path) -> None:
    pool = Database(api_settings(database, tmp_path, DATABASE_CONNECTIONS="3"), Limits(acquire_seconds=60))
    await pool.open()

    async def work(number: int) -> str:
        async with pool.transaction():
            await devices.create(pool, DeviceSpec(device_id=f"d{number}", kind="power"))
            await asyncio.sleep(0)
            if number % 2:
                raise ZeroDivisionError
            created = await devices.get(pool, f"d{number}")
            assert created is not None
            return created.device_id

    done = await asyncio.gather(*(work(number) for number in range(60)), return_exceptions=True)
    assert [result for result in done if isinstance(result, str)] == [f"d{number}" for number in range(0, 60, 2)]
    assert all(isinstance(result, ZeroDivisionError) for result in done[1::2])
    found = await devices.find(pool, kind=None, label=None, text=None, limit=100, after=None, labels=None)
    assert {device.device_id for device in found} == {f"d{number}" for number in range(0, 60, 2)}
    await pool.close()


async def test_a_cancelled_task_gives_its_connection_back_with_nothing_committed(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    pool = Database(api_settings(database, tmp_path, DATABASE_CONNECTIONS="2"), Limits(acquire_seconds=5))
    await pool.open()

    async def begin() -> None:
        async with pool.transaction():
            await devices.create(pool, DeviceSpec(device_id="d", kind="power"))
            begun.set()
            await asyncio.sleep(60)

    for _ in range(5):
        begun = asyncio.Event()
        task = asyncio.create_task(begin())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await devices.get(pool, "d") is None
    idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'api' AND state LIKE 'idle in transaction%'"
    assert await owner.fetchval(idle) == 0
    await pool.close()


async def test_a_mistake_in_a_query_does_not_pass_for_a_database_that_is_away(
    database: TestDatabase, tmp_path: Path
) -> None:
    pool = Database(api_settings(database, tmp_path), Limits())
    await pool.open()
    with pytest.raises(Exception, match="expects 1 argument") as mistake:
        async with pool.connection() as connection:
            await connection.fetch("SELECT $1::int")
    assert not isinstance(mistake.value, DatabaseUnavailableError)
    await pool.close()


@pytest.mark.parametrize("limits", [Limits(acquire_seconds=60)], ids=[""])
async def test_requests_and_websockets_at_the_same_time_get_each_their_own_answer(
    small: RunningApi, owner: asyncpg.Connection
) -> None:
    async def operator(number: int) -> None:
        spec = {"device_id": f"d{number}", "kind": "power"}
        assert (await small.http.post("/api/devices", json=spec)).status_code == 201
        for name in ("first", "second"):
            changed = await small.http.patch(f"/api/devices/d{number}", json={"name": f"{name} {number}"})
            assert changed.json()["name"] == f"{name} {number}"
            await small.store(reading(f"d{number}", value=float(number), metric=name))
            found = (await small.reader.get("/api/readings", params={"device_id": f"d{number}"})).json()["items"]
            assert {item["device_id"] for item in found} == {f"d{number}"}

    async def follower(number: int) -> None:
        async with following(small) as follower:
            seen = {item["metric"] for item in (await follower.subscribe([f"d{number}"]))["readings"]}
            while len(seen) < 2:
                for item in (await follower.next("readings"))["readings"]:
                    assert (item["device_id"], item["value"]) == (f"d{number}", float(number))
                    seen.add(item["metric"])

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(number) for number in range(30) for work in (operator, follower)))
    connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'api'"
    assert await owner.fetchval(connections) <= 2
