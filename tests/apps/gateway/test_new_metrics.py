"""New metrics a day: a gateway that just started knows old ones from the database, and does without it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from apps.domain.readings import Reading, Validated
from apps.gateway import stored_metrics
from apps.gateway.app import create
from apps.gateway.known_metrics import ASK_AGAIN_SECONDS, KnownMetrics
from apps.gateway.settings import GatewaySettings
from apps.gateway.stored_metrics import StoredMetrics
from apps.platform.settings import load
from apps.storage.series import DeviceMetrics, MetricLimits
from tests.apps.gateway.support import FaultyKinesis, PutFault, as_client, environment, upload_path
from tests.support.postgres import TestDatabase
from tests.support.serving import serving

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=2)
LIMITS = {"DEVICE_NEW_METRICS_PER_DAY": "2", "DEVICE_MAX_METRICS": "7"}


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[str]:
    given = load(GatewaySettings, environment(folder, **LIMITS | settings))
    with serving(create(given, as_client(FaultyKinesis(PutFault)))) as base:
        yield base


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect()
    yield connection
    await connection.close()


async def keep(owner: asyncpg.Connection, metrics: str, since: datetime) -> None:
    await owner.executemany(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at, first_stored_at) "
        "VALUES ('device-1', $1, now(), 0, now(), $2)",
        [(metric, since) for metric in metrics],
    )


def put(base: str, metrics: str, device_id: str = "device-1") -> httpx.Response:
    return httpx.put(
        base + upload_path(device_id),
        json=[{"metric": metric, "ts": NOW.isoformat(), "value": 1} for metric in metrics],
    )


def taken(answer: httpx.Response, metrics: str) -> str:
    refused = {item["index"] for item in answer.json()["refused"]}
    return "".join(metric for index, metric in enumerate(metrics) if index not in refused)


async def test_a_gateway_that_just_started_tells_new_metrics_from_old_ones(
    database: TestDatabase, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await keep(owner, "abcd", OLD)
    with running(tmp_path, **database.environment("gateway")) as base:
        assert taken(put(base, "abcxyzd"), "abcxyzd") == "abcxyd"
        answer = put(base, "z")
        assert (answer.status_code, answer.json()["limit"]) == (422, "new_metrics")
        assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
        assert "2 new metrics a day" in answer.json()["refused"][0]["reason"]
    # Another gateway, to which the device comes next, knows those that are stored by then.
    await keep(owner, "x", NOW - timedelta(hours=1))
    with running(tmp_path, **database.environment("gateway")) as base:
        assert taken(put(base, "xyzab"), "xyzab") == "xyab"
        answer = put(base, "zw")
        assert 79_000 < int(answer.headers["Retry-After"]) <= 82_800


async def test_a_device_begins_with_all_metrics_that_it_may_have(
    database: TestDatabase, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    with running(tmp_path, **database.environment("gateway")) as base:
        assert taken(put(base, "abcdefgh"), "abcdefgh") == "abcdefg"
        answer = put(base, "x")
        assert (answer.status_code, answer.json()["limit"]) == (422, "metrics")
        assert "Retry-After" not in answer.headers


async def test_readings_are_taken_while_the_database_is_away(tmp_path: Path) -> None:
    with running(tmp_path) as base:
        assert taken(put(base, "abcdef"), "abcdef") == "abcdef"


async def test_a_database_that_hangs_keeps_no_upload_waiting(
    database: TestDatabase, owner: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_metrics, "ASK_SECONDS", 60)
    now = 0.0
    stored = StoredMetrics(load(GatewaySettings, environment(tmp_path) | database.environment("gateway")), lambda: now)
    async with stored.running():
        assert await stored.of("device-1") == DeviceMetrics()
        async with owner.transaction():
            await owner.execute("LOCK TABLE latest_readings")
            monkeypatch.setattr(stored_metrics, "ASK_SECONDS", 0.2)
            assert await stored.of("device-1") is None
            monkeypatch.setattr(stored_metrics, "ASK_SECONDS", 60)
        assert await stored.of("device-1") is None, "it is not asked again at once"
        now += stored_metrics.PAUSE_SECONDS
        assert await stored.of("device-1") == DeviceMetrics()


async def test_the_database_is_asked_where_it_matters_and_seldom() -> None:
    now, queried, there = 0.0, list[str](), DeviceMetrics({"a", "b", "c"})

    async def stored(device_id: str) -> DeviceMetrics:
        queried.append(device_id)
        return there

    known = KnownMetrics(MetricLimits(10, 2), stored, monotonic=lambda: now)

    async def take(metrics: str) -> str:
        validated = Validated([Reading(metric=metric, ts=NOW, value=1) for metric in metrics])
        await known.admit("d", validated)
        return "".join(reading.metric for reading in validated.readings)

    for metrics in ("a", "ab", "ab"):
        assert await take(metrics) == metrics
    assert queried == [], "so few may all be new"
    assert await take("abc") == "abc"
    assert len(queried) == 1
    assert [await take(metrics) for metrics in ("vwx", "wv", "y", "ac", "vw")] == ["vw", "wv", "", "ac", "vw"]
    assert len(queried) == 1, "what it said holds for a while"
    now = ASK_AGAIN_SECONDS
    there = DeviceMetrics({*"abcvw"}, 1)  # one of them was sent to another gateway the day before
    assert await take("xyz") == "x"
    assert len(queried) == 2
    now *= 2
    there = DeviceMetrics({*"abcvwx"}, 2)
    assert await take("abcvwx") == "abcvwx"
    assert len(queried) == 2, "nothing is in doubt"
