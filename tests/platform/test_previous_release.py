"""The release before this one, on today's schema with today's grants, as in every deployment and after going back."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.apps.api.test_process import api_process
from tests.apps.ingestor.processes import Ingestor
from tests.apps.ingestor.support import START, assert_consistent, count, envelope, eventually, put
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase
from tests.support.previous_release import check_out

READINGS = 300


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The previous release's code. The packages that it uses are today's."""
    folder = tmp_path / "previous"
    check_out(folder)
    return folder


@pytest.fixture
def ingestor(database: TestDatabase, ministack: KinesisServer, stream: str, previous: Path) -> Iterator[Ingestor]:
    environment = database.environment("ingestor") | ministack.environment() | {"READINGS_STREAM": stream}
    running = Ingestor(environment, previous)
    yield running
    running.process.kill()
    running.process.communicate()


async def test_its_ingestor_stores_and_its_api_serves_and_changes_what_todays_schema_holds(
    database: TestDatabase, ministack: KinesisServer, stream: str, previous: Path, ingestor: Ingestor, tmp_path: Path
) -> None:
    connection = await database.connect()
    put(ministack.client(), stream, [envelope("pump", range(first, first + 10)) for first in range(0, READINGS, 10)])
    put(ministack.client(), stream, [envelope("pump", range(10))])

    async def stored() -> bool:
        return await count(connection) == READINGS and ingestor.metric("ingestor_records_total") >= READINGS + 10

    await eventually(stored)
    await assert_consistent(connection)
    alert = await connection.fetchval(
        "INSERT INTO alerts (source, rule, severity, message) VALUES ('s', 'r', 'info', 'm') RETURNING alert_id"
    )
    await connection.close()
    async with api_process(database, tmp_path, previous) as (_, api):
        window = {"since": START.isoformat(), "until": (START + timedelta(hours=1)).isoformat()}
        series = {"device_id": "pump", "metric": "temperature"}
        page = await api.http.get("/readings", params={**series, **window, "limit": 1000})
        assert len(page.json()["items"]) == READINGS
        trend = await api.http.get("/readings/trend", params={**series, **window})
        assert sum(point["count"] for point in trend.json()["points"]) == READINGS
        newest = await api.http.get("/readings/latest", params=series)
        assert len(newest.json()["items"]) == 1
        sent = {**series, "ts": datetime.now(UTC).isoformat(), "value": 1}
        assert (await api.store(sent))["stored"] == 1
        for method, path, body in (
            ("POST", "/devices", {"device_id": "valve", "kind": "valve"}),
            ("PATCH", "/devices/valve", {"name": "Valve 1"}),
            ("DELETE", "/devices/valve", None),
            ("POST", f"/alerts/{alert}/acknowledge", {}),
            ("GET", "/rejected", None),
        ):
            answer = await api.http.request(method, path, json=body)
            assert answer.is_success, f"{method} {path}: {answer.text}"


@pytest.mark.parametrize("arguments", [("apps.storage", "partitions"), ("apps.storage", "list")])
def test_its_commands_keep_todays_schema(database: TestDatabase, previous: Path, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=previous,
        env=database.environment("partitions"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_its_migration_leaves_todays_schema_as_it_is(database: TestDatabase, previous: Path) -> None:
    if not list((previous / "apps/storage/migrations/versions").glob("0002_*")):
        pytest.skip("the previous release is from before a release could meet a newer schema")
    done = subprocess.run(
        [sys.executable, "-m", "apps.migration"],
        cwd=previous,
        env=database.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
