"""Readings of all time: the database and the archive answer as one list, wherever the one ends and the other begins."""

import csv
import io
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pyarrow.parquet as pq
import pytest

from apps.api.limits import Limits
from apps.api.permissions import VIEWER_SCOPES
from apps.api.service import API
from apps.archive.archiver import Archiver
from apps.archive.forget import forget
from apps.archive.restore import restore
from apps.domain.readings import StoredReading
from apps.platform.needs import ReadFiles
from apps.platform.settings import AwsSettings, load
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import manifest_key
from apps.storage.readings import ensure_partitions, store
from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase
from tests.support.s3_proxy import S3Proxy, s3_proxy

MONTHS = (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))
NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)
DEVICES = {"a": ["roof"], "B": ["cellar"], "c-1": ["roof", "north"], "d": []}
METRICS = ("humidity", "temperature")
SMALL = Limits(export_chunk_rows=7, archive_rows=40, query_seconds=60, acquire_seconds=60)

Row = tuple[datetime, str, str, float]


def random_readings(rng: random.Random) -> list[StoredReading]:
    """Readings of a few days at both ends of each month, many at one moment, some on the border between two days."""
    days = [month + timedelta(days=offset) for month in MONTHS for offset in (0, 1, 14, 27, 30)]
    moments = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days if day.month < 11]
    times = {
        moment + timedelta(seconds=second)
        for moment in moments
        for second in (0.0, 86_399.999999, rng.uniform(1, 86_000))
    }
    return [
        StoredReading(device, metric, ts, rng.gauss(20, 3), ts + timedelta(seconds=1))
        for ts in sorted(times)
        for device in DEVICES
        for metric in METRICS
        if rng.random() < 0.7
    ]


class Platform:
    """A database with its archive, an API that reads both, and what it must say."""

    def __init__(self, owner: asyncpg.Connection, bucket: Bucket, archiver: Archiver, api: RunningApi, s3: S3Proxy):
        self.owner, self.bucket, self.archiver, self.api, self.s3 = owner, bucket, archiver, api, s3
        self.readings: list[StoredReading] = []

    async def fill(self) -> None:
        """Store readings, and archive every day."""
        for device, labels in DEVICES.items():
            await self.owner.execute("INSERT INTO devices VALUES ($1, 'pump', NULL, $2)", device, labels)
        self.readings = random_readings(random.Random(11))
        await ensure_partitions(self.owner, self.readings)
        await store(self.owner, self.readings)
        await self.archive()

    async def archive(self) -> None:
        outcome = await self.archiver.run(NOW)
        assert (outcome.failed, outcome.pending) == (0, 0)

    async def drop(self, month: date) -> None:
        """Drop a month, as its retention does."""
        await self.owner.execute("SELECT drop_partition($1)", f"sensor_readings_y{month.year}m{month.month:02}")

    async def lose_some(self, rng: random.Random) -> None:
        """Leave of some days a part in the database, as in the middle of a restore into a new one."""
        await self.owner.execute("ALTER TABLE sensor_readings DISABLE TRIGGER USER")
        for day in sorted({reading.ts.date() for reading in self.readings}):
            if rng.random() < 0.4:
                await self.owner.execute(
                    "DELETE FROM sensor_readings WHERE (ts AT TIME ZONE 'UTC')::date = $1 AND random() < $2",
                    day,
                    rng.random() * 1.3,
                )
                await self.owner.execute("DELETE FROM archive_days WHERE day = $1", day)
        await self.owner.execute("ALTER TABLE sensor_readings ENABLE TRIGGER USER")

    def expected(self, query: dict[str, Any], labels: tuple[str, ...] = ()) -> list[Row]:
        """The plain list."""
        since, until = (datetime.fromisoformat(query[name]) if name in query else None for name in ("since", "until"))
        found = [
            (reading.ts, reading.device_id, reading.metric, reading.value)
            for reading in self.readings
            if query.get("device_id", reading.device_id) == reading.device_id
            and query.get("metric", reading.metric) == reading.metric
            and (since is None or reading.ts >= since)
            and (until is None or reading.ts < until)
            and (not labels or set(labels) & set(DEVICES[reading.device_id]))
        ]
        return sorted(found, reverse=query.get("order", "desc") == "desc")

    async def pages(self, query: dict[str, Any], headers: dict[str, str]) -> list[Row]:
        """Follow the cursors to the end."""
        found: list[Row] = []
        params = dict(query)
        while True:
            answer = await self.api.http.get("/api/readings", params=params, headers=headers)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert len(page["items"]) <= query.get("limit", 100)
            found += [row_of(item) for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            assert page["next_cursor"] != params.get("cursor"), "the page leads to itself"
            params["cursor"] = page["next_cursor"]

    async def export(self, query: dict[str, Any], headers: dict[str, str]) -> list[Row]:
        """Take an export in each format, which must all say the same, in the order of device, metric and time."""
        wanted = {name: value for name, value in query.items() if name not in {"order", "limit"}}
        answers = [
            await self.api.http.get("/api/readings/export", params={**wanted, "format": name}, headers=headers)
            for name in ("csv", "ndjson", "parquet")
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200], answers[0].text
        rows = [row_of(row) for row in csv.DictReader(io.StringIO(answers[0].text))]
        assert rows == [row_of(msgspec.json.decode(line)) for line in answers[1].content.splitlines()]
        assert rows == [row_of(row) for row in pq.read_table(io.BytesIO(answers[2].content)).to_pylist()]
        assert rows == sorted(rows, key=by_key)
        return rows


def row_of(item: dict[str, Any]) -> Row:
    ts = item["ts"] if isinstance(item["ts"], datetime) else datetime.fromisoformat(item["ts"])
    return ts, item["device_id"], item["metric"], float(item["value"])


def by_key(row: Row) -> tuple[str, str, datetime]:
    return row[1], row[2], row[0]


@asynccontextmanager
async def running(
    database: TestDatabase, ministack: KinesisServer, folder: Path, limits: Limits, down: bool = False
) -> AsyncIterator[Platform]:
    name = f"history-{uuid4().hex[:12]}"
    bucket = Bucket(load(AwsSettings, ministack.environment()), name)
    bucket.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    owner, connection = await database.connect(), await database.connect("archive")
    with s3_proxy(ministack.url) as s3, pytest.MonkeyPatch.context() as patch:
        # So that a day has many row groups, and a kind several files.
        patch.setattr("apps.archive.archiver.ROW_GROUP_ROWS", 7)
        s3.fault = "down" if down else None
        reached = ministack.environment() | {"AWS_ENDPOINT_URL": s3.url, "ARCHIVE_BUCKET": name}
        with running_api(api_settings(database, folder, **reached), limits) as api:
            async with api.http, api.reader:
                api.http.timeout = httpx.Timeout(300)  # a busy machine is no fault of a test
                platform = Platform(owner, bucket, Archiver(connection, bucket, 4_000, lambda: NOW), api, s3)
                await platform.fill()
                yield platform
    await owner.close()
    await connection.close()


@pytest.fixture
async def platform(
    database: TestDatabase, ministack: KinesisServer, tmp_path: Path, limits: Limits
) -> AsyncIterator[Platform]:
    async with running(database, ministack, tmp_path, limits) as created:
        yield created


def random_query(rng: random.Random, readings: list[StoredReading]) -> dict[str, Any]:
    """A query as anybody may ask it, its window beginning or ending with a reading as often as not."""
    query: dict[str, Any] = {"order": rng.choice(("asc", "desc")), "limit": rng.choice((1, 3, 17, 100, 1000))}
    if rng.random() < 0.5:
        query["device_id"] = rng.choice([*DEVICES, "nobody"])
    if rng.random() < 0.4:
        query["metric"] = rng.choice(METRICS)
    ends = sorted(rng.choice(readings).ts + timedelta(seconds=rng.choice((0, 0, 7200))) for _ in range(2))
    if rng.random() < 0.5:
        query["since"] = ends[0].isoformat()
    if rng.random() < 0.5 and ends[0] < ends[1]:
        query["until"] = ends[1].isoformat()
    return query


async def limited(api: RunningApi, *labels: str) -> dict[str, str]:
    spec = {"name": "limited", "scopes": sorted({*VIEWER_SCOPES, "export:read"}), "labels": labels}
    answer = await api.http.post("/api/keys", json=spec)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}


@pytest.mark.parametrize("limits", [SMALL, Limits(archive_seconds=0)], ids=["small chunks", "a day a page"])
@pytest.mark.parametrize("split", ["nothing", "a month", "two months", "parts of days", "everything"])
async def test_whatever_lies_where_it_is_the_plain_list(platform: Platform, split: str, limits: Limits) -> None:
    rng = random.Random(split)
    dropped = {"nothing": 0, "a month": 1, "two months": 2, "parts of days": 1, "everything": 3}[split]
    for month in MONTHS[:dropped]:
        await platform.drop(month)
    if split == "parts of days":
        await platform.lose_some(rng)
    of_viewer = await limited(platform.api, "roof")
    for number in range(12):
        query = random_query(rng, platform.readings)
        labels, headers = ((), {}) if number % 3 else (("roof",), of_viewer)
        expected = platform.expected(query, labels)
        # A page of one reading where few are asked for: each page reads its day anew.
        query["limit"] = max(query["limit"], len(expected) // 12)
        assert await platform.pages(query, headers) == expected, query
        assert await platform.export(query, headers) == sorted(expected, key=by_key), query


async def test_a_cursor_goes_on_when_its_month_is_dropped_meanwhile(platform: Platform) -> None:
    for order in ("desc", "asc"):
        query = {"order": order, "limit": 9}
        first = (await platform.api.http.get("/api/readings", params=query)).json()
        month = MONTHS[0] if order == "desc" else MONTHS[1]
        await platform.drop(month)
        rest = await platform.pages({**query, "cursor": first["next_cursor"]}, {})
        assert [row_of(item) for item in first["items"]] + rest == platform.expected(query)


async def test_a_new_version_of_a_day_is_read_with_the_next_page(platform: Platform) -> None:
    for month in MONTHS[:2]:
        await platform.drop(month)
    query: dict[str, str | int] = {"order": "asc", "limit": 9}
    first = (await platform.api.http.get("/api/readings", params=query)).json()
    # It rewrites days that the API knows, and their old files are gone at once.
    await forget(platform.archiver, "c-1")
    assert first["items"]
    rest = await platform.pages({**query, "cursor": first["next_cursor"]}, {})
    platform.readings = [reading for reading in platform.readings if reading.device_id != "c-1"]
    assert rest == [row for row in platform.expected(query) if row > row_of(first["items"][-1])]
    assert await platform.pages({"device_id": "c-1"}, {}) == []
    assert await platform.export({"device_id": "c-1"}, {}) == []


async def test_a_day_whose_files_are_gone_is_read_by_its_newer_manifest(platform: Platform) -> None:
    await platform.drop(MONTHS[0])
    query = {"order": "asc", "limit": 1000}
    assert await platform.pages(query, {}) == platform.expected(query)
    s3, name = platform.bucket.s3, platform.bucket.name
    found = platform.bucket.manifest(manifest_key(MONTHS[0]))
    assert found is not None
    moved = []
    for file in found[0].files:
        key = file.key.replace("/v000001-", "/v000002-")
        s3.copy_object(Bucket=name, Key=key, CopySource={"Bucket": name, "Key": file.key})
        moved.append(msgspec.structs.replace(file, key=key))
    # The database is told last, and the API looks at the bucket itself once a minute.
    platform.bucket.publish(msgspec.structs.replace(found[0], version=2, files=tuple(moved)), found[1])
    platform.bucket.delete([file.key for file in found[0].files])
    assert await platform.pages(query, {}) == platform.expected(query)
    assert await platform.export({}, {}) == sorted(platform.expected({}), key=by_key)


async def test_a_late_reading_is_shown_before_its_day_is_written_again_and_after(platform: Platform) -> None:
    late = StoredReading("a", METRICS[0], datetime(2026, 10, 2, 5, tzinfo=UTC), 1.5, NOW)
    await store(platform.owner, [late])
    platform.readings.append(late)
    query = {"order": "asc", "limit": 50}
    assert await platform.pages(query, {}) == platform.expected(query)
    await platform.archive()
    await platform.drop(MONTHS[2])
    assert await platform.pages(query, {}) == platform.expected(query)


async def test_a_device_that_was_taken_out_is_shown_to_whom_asks_for_it_alone(platform: Platform) -> None:
    await platform.drop(MONTHS[0])
    await platform.api.http.delete("/api/devices/d")
    expected = platform.expected({"device_id": "d", "order": "asc"})
    assert await platform.pages({"device_id": "d", "order": "asc"}, {}) == expected
    assert {row[1] for row in await platform.pages({}, {})} == {"a", "B", "c-1"}
    assert {row[1] for row in await platform.export({}, {})} == {"a", "B", "c-1"}


async def test_while_days_are_restored_none_is_shown_in_part(
    platform: Platform, database: TestDatabase, tmp_path: Path
) -> None:
    for table in ("sensor_readings", "readings_minute", "readings_hour", "readings_day", "archive_days"):
        await platform.owner.execute(f"TRUNCATE {table}")
    query = {"order": "asc", "limit": 100}
    async for _ in restore(platform.owner, platform.bucket, MONTHS[1], None):
        assert await platform.pages(query, {}) == platform.expected(query)
    assert await platform.pages(query, {}) == platform.expected(query)


async def test_without_s3_what_the_database_holds_is_served_and_the_rest_says_so(platform: Platform) -> None:
    await platform.drop(MONTHS[0])
    assert await platform.pages({"limit": 1000}, {}) == platform.expected({})
    platform.s3.fault = "down"
    await _served_as_far_as_it_goes(platform, "cannot be read now: try again in a moment")
    platform.s3.fault = None
    assert await platform.pages({"limit": 1000}, {}) == platform.expected({})


async def test_an_api_that_starts_without_s3_hides_nothing(
    database: TestDatabase, ministack: KinesisServer, tmp_path: Path
) -> None:
    async with running(database, ministack, tmp_path, SMALL, down=True) as platform:
        await platform.drop(MONTHS[0])
        await platform.owner.execute("TRUNCATE archive_days")
        await _served_as_far_as_it_goes(platform, "cannot be read now: try again in a moment")
        window = {"since": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z"}
        assert (await platform.api.http.get("/api/readings", params=window)).status_code == 503


async def test_who_asks_while_s3_is_known_to_be_away_is_not_kept_waiting(
    database: TestDatabase, ministack: KinesisServer, tmp_path: Path
) -> None:
    async with running(database, ministack, tmp_path, SMALL, down=True) as platform:
        await platform.api.http.get("/api/readings")
        assert platform.s3.requests
        platform.s3.requests.clear()
        assert (await platform.api.http.get("/api/readings", params={"limit": 1000})).status_code == 200
        assert platform.s3.requests == []


async def test_a_file_in_a_class_that_does_not_answer_is_said_to_be_restored_first(platform: Platform) -> None:
    await platform.drop(MONTHS[0])
    platform.s3.fault = "cold"
    await _served_as_far_as_it_goes(platform, "storage class that answers only after it was restored")


async def _served_as_far_as_it_goes(platform: Platform, reason: str) -> None:
    """The first page ends where the archive begins, and what it leads to says why there is no more."""
    newest = await platform.api.http.get("/api/readings", params={"limit": 1000})
    assert newest.status_code == 200, newest.text
    page = newest.json()
    stored = [row for row in platform.expected({}) if row[0].date() >= MONTHS[1]]
    assert [row_of(item) for item in page["items"]] == stored
    _check_unavailable(
        await platform.api.http.get("/api/readings", params={"limit": 1000, "cursor": page["next_cursor"]}), reason
    )
    oldest = await platform.api.http.get("/api/readings", params={"limit": 1000, "order": "asc"})
    _check_unavailable(oldest, reason)
    _check_unavailable(await platform.api.http.get("/api/readings/export?format=parquet"), reason)
    since = {"since": f"{MONTHS[1]}T00:00:00Z"}
    assert await platform.export(since, {}) == sorted(stored, key=by_key)


def _check_unavailable(answer: httpx.Response, reason: str) -> None:
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "10"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("limits", [Limits(archive_sorted_rows=10)], ids=[""])
async def test_a_day_with_too_many_readings_to_sort_by_time_wants_a_device(platform: Platform, limits: Limits) -> None:
    await platform.drop(MONTHS[0])
    refused = await platform.api.http.get("/api/readings?order=asc")
    assert (refused.status_code, "name a device_id" in refused.json()["detail"]) == (400, True)
    query = {"device_id": "a", "order": "asc"}
    assert await platform.pages(query, {}) == platform.expected(query)


async def test_what_the_database_holds_is_served_without_asking_s3_for_a_file(platform: Platform) -> None:
    await platform.drop(MONTHS[0])
    await platform.api.http.get("/api/readings", params={"limit": 20})
    platform.s3.requests.clear()
    answer = await platform.api.http.get("/api/readings", params={"limit": 20})
    assert len(answer.json()["items"]) == 20
    assert platform.s3.requests == []


def test_the_manifest_of_a_day_lies_in_a_folder_that_the_api_may_read() -> None:
    (need,) = [need for need in API.needs if isinstance(need, ReadFiles)]
    assert manifest_key(MONTHS[0]).startswith(need.folders)
