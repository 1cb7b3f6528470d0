import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from apps.api.limits import Limits
from tests.apps.api.conftest import RunningApi, until

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def reading(seconds: float, value: float = 1.0, device_id: str = "d", metric: str = "temperature") -> dict[str, Any]:
    ts = (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"device_id": device_id, "metric": metric, "ts": ts, "value": value}


async def pages(api: RunningApi, path: str, **parameters: str | int) -> list[list[dict[str, Any]]]:
    """Follow the cursor to the end; return the pages."""
    found = []
    while True:
        answer = await api.reader.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        if (cursor := answer.json()["next_cursor"]) is None:
            return found
        parameters["cursor"] = cursor


async def test_a_reading_is_stored_once_however_often_it_is_sent(api: RunningApi, owner: asyncpg.Connection) -> None:
    sent = [reading(0), reading(1), reading(0)]
    assert await api.store(*sent) == {"stored": 2, "duplicates": 1}
    assert await api.store(*sent, reading(2)) == {"stored": 1, "duplicates": 3}
    assert await owner.fetchval("SELECT count(*) FROM sensor_readings") == 3
    assert await owner.fetchval("SELECT sum(count) FROM readings_minute") == 3
    assert await owner.fetchval("SELECT ts FROM latest_readings") == NOON + timedelta(seconds=2)
    assert await owner.fetchval("SELECT kind FROM devices WHERE device_id = 'd'") == "unknown"


async def test_a_reading_of_a_month_without_partition_is_stored_too(api: RunningApi) -> None:
    old = reading(0) | {"ts": "2020-02-01T00:00:00Z"}
    assert await api.store(old) == {"stored": 1, "duplicates": 0}
    ((found,),) = await pages(api, "/api/readings", device_id="d")
    assert old.items() <= found.items()


async def test_one_bad_reading_costs_only_itself_and_is_named(api: RunningApi, owner: asyncpg.Connection) -> None:
    await api.store(reading(7, 10.0))
    sent = {
        1: (reading(1) | {"value": "x"}, "value: found"),
        2: (reading(1) | {"ts": "2026-11-22T12:00:00"}, "ts: found"),
        3: (reading(1) | {"ts": "1999-11-22T12:00:00Z"}, "set the device's clock"),
        4: (reading(1) | {"ts": "2199-11-22T12:00:00Z"}, "set the device's clock"),
        5: (reading(1) | {"unit": "K"}, "unit"),
        6: (reading(1) | {"ts": "2001-11-22T12:00:00Z"}, "no longer kept"),
        7: (reading(1) | {"value": 9007199254740993}, "more digits"),
        8: (reading(1) | {"ts": "2026-11-22T12:00:00.0000001Z"}, "microsecond"),
        9: (reading(7, 11.0), "10.0 is kept"),
        10: (reading(1) | {"value": float("nan")}, "JSON"),
    }
    body = json.dumps([reading(0), *(bad for bad, _ in sent.values()), reading(7, 10.0)])
    answer = (await api.http.post("/readings", content=body)).json()
    assert (answer["stored"], answer["duplicates"]) == (1, 1)
    reasons = {refused["index"]: refused["reason"] for refused in answer["refused"]}
    assert reasons.keys() == sent.keys()
    assert all(words in reasons[index] for index, (_, words) in sent.items())
    assert await owner.fetchval("SELECT count(*) FROM sensor_readings") == 2


@pytest.mark.parametrize(("body", "status"), [("[1", 400), ("{}", 422), ("[" + "1," * 10_000 + "1]", 413)])
async def test_a_body_that_is_no_array_or_too_long_is_refused(api: RunningApi, body: str, status: int) -> None:
    assert (await api.http.post("/readings", content=body)).status_code == status


async def test_a_device_has_only_so_many_metrics(api: RunningApi, owner: asyncpg.Connection) -> None:
    for first in (0, 5_000):
        await api.store(*(reading(0, metric=f"m{number}") for number in range(first, first + 400)))
    assert await owner.fetchval("SELECT count(*) FROM latest_readings") == api.settings.device_max_metrics
    answer = await api.store(reading(1, metric="m0"), reading(1, metric="m9999"))
    assert (answer["stored"], [refused["index"] for refused in answer["refused"]]) == (1, [1])


async def test_the_mean_of_values_that_are_far_apart_does_not_overflow(api: RunningApi) -> None:
    await api.store(reading(0, 1e200), reading(0.5, -1e200), reading(0.7, 1e300), reading(0.9, 1e300))
    window = f"since={reading(0)['ts']}&until={reading(60)['ts']}"
    answer = await api.reader.get(f"/api/readings/trend?device_id=d&metric=temperature&points=2000&{window}")
    assert [(point["count"], point["max"]) for point in answer.json()["points"]] == [(4, 1e300)]


async def test_storing_needs_the_token_and_is_not_reached_from_outside(api: RunningApi) -> None:
    assert (await api.reader.post("/readings", json=[])).status_code == 401
    assert (await api.http.post("/api/readings", json=[])).status_code == 405


async def test_pages_hold_every_reading_once_in_the_order_of_time(api: RunningApi) -> None:
    sent = [reading(n // 3, n, device_id, metric) for n in range(21) for device_id in "ab" for metric in ("m1", "m2")]
    await api.store(*sent)
    for filters in ({}, {"device_id": "a"}, {"metric": "m2"}, {"device_id": "b", "metric": "m1"}):
        for order in ("asc", "desc"):
            found = await pages(api, "/api/readings", order=order, limit=7, **filters)
            assert all(len(items) == 7 for items in found[:-1])
            keys = [(item["ts"], item["device_id"], item["metric"]) for items in found for item in items]
            wanted = {(r["ts"], r["device_id"], r["metric"]) for r in sent if filters.items() <= r.items()}
            assert keys == sorted(wanted, reverse=order == "desc")


async def test_the_window_holds_its_beginning_and_not_its_end(api: RunningApi) -> None:
    await api.store(*(reading(second) for second in range(5)))
    found = await pages(api, "/api/readings", since=reading(1)["ts"], until=reading(3)["ts"], order="asc")
    assert [item["ts"] for item in found[0]] == [reading(1)["ts"], reading(2)["ts"]]
    everything = await pages(api, "/api/readings", since="0001-01-01T00:00:00+14:00", until="9999-12-31T23:59:59-14:00")
    assert len(everything[0]) == 5


async def test_readings_that_arrive_between_two_pages_move_nothing(api: RunningApi) -> None:
    await api.store(*(reading(second) for second in (1, 2, 3, 4)))
    first = (await api.reader.get("/api/readings?limit=2")).json()
    await api.store(reading(5), reading(0))
    second = (await api.reader.get("/api/readings", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["ts"] for item in second["items"]] == [reading(2)["ts"], reading(1)["ts"]]


async def test_a_cursor_fits_its_query_alone_but_the_length_of_the_page_may_change(api: RunningApi) -> None:
    await api.store(*(reading(second) for second in range(5)))
    cursor = (await api.reader.get("/api/readings?limit=2")).json()["next_cursor"]
    assert len((await api.reader.get(f"/api/readings?limit=1&cursor={cursor}")).json()["items"]) == 1
    for other in (f"/api/readings?order=asc&cursor={cursor}", f"/api/readings?device_id=d&cursor={cursor}"):
        answer = await api.reader.get(other)
        assert answer.status_code == 400
        assert "start again without a cursor" in answer.json()["detail"]


async def test_latest_is_what_was_measured_last_and_not_what_arrived_last(api: RunningApi) -> None:
    await api.store(reading(10, 10.0), reading(10, 1.0, metric="humidity"), reading(0, 5.0, device_id="e"))
    await api.store(reading(5, 5.0))
    items = (await api.reader.get("/api/readings/latest")).json()["items"]
    assert [(item["device_id"], item["metric"], item["value"]) for item in items] == [
        ("d", "humidity", 1.0),
        ("d", "temperature", 10.0),
        ("e", "temperature", 5.0),
    ]
    assert all(item["stored_at"] >= item["received_at"] for item in items)
    paged = await pages(api, "/api/readings/latest", limit=2)
    assert [item for page in paged for item in page] == items
    assert len((await pages(api, "/api/readings/latest", device_id="d", metric="humidity"))[0]) == 1


async def test_latest_forgets_a_device_that_is_taken_out_and_its_history_stays(api: RunningApi) -> None:
    await api.store(reading(0))
    await api.http.delete("/api/devices/d")
    assert (await api.reader.get("/api/readings/latest")).json()["items"] == []
    assert len((await api.reader.get("/api/readings?device_id=d")).json()["items"]) == 1


async def test_unchanged_latest_values_are_not_sent_again(api: RunningApi) -> None:
    await api.store(reading(0))
    shown = await api.reader.get("/api/readings/latest")
    known = {"If-None-Match": f'"other", {shown.headers["etag"]}'}
    again = await api.reader.get("/api/readings/latest", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", shown.headers["etag"])
    await api.store(reading(1))
    assert (await api.reader.get("/api/readings/latest", headers=known)).status_code == 200


async def test_a_trend_weighs_each_reading_alike_and_leaves_empty_buckets_out(api: RunningApi) -> None:
    # 4 readings in the first minute, 1 in the second; then nothing for 5 minutes.
    await api.store(*(reading(second, value) for second, value in ((0, 1), (1, 2), (2, 3), (3, 4), (60, 20), (420, 7))))
    answer = await api.reader.get(
        "/api/readings/trend",
        params={
            "device_id": "d",
            "metric": "temperature",
            "points": 2,
            "since": reading(0)["ts"],
            "until": reading(600)["ts"],
        },
    )
    trend = answer.json()
    assert (trend["bucket_seconds"], trend["since"], trend["until"]) == (300, reading(0)["ts"], reading(600)["ts"])
    assert trend["points"] == [
        {"ts": reading(0)["ts"], "avg": 6.0, "min": 1.0, "max": 20.0, "count": 5},
        {"ts": reading(300)["ts"], "avg": 7.0, "min": 7.0, "max": 7.0, "count": 1},
    ]


async def test_a_trend_finer_than_the_rollups_is_made_from_the_readings(api: RunningApi) -> None:
    await api.store(*(reading(second / 2, second) for second in range(20)))
    answer = await api.reader.get(
        "/api/readings/trend",
        params={"device_id": "d", "metric": "temperature", "since": reading(0)["ts"], "until": reading(10)["ts"]},
    )
    assert answer.json()["bucket_seconds"] == 1
    assert [(point["avg"], point["count"]) for point in answer.json()["points"]] == [
        (2 * n + 0.5, 2) for n in range(10)
    ]


async def test_a_trend_without_a_window_is_the_last_24_hours_in_288_points(api: RunningApi) -> None:
    now = datetime.now(UTC)
    await api.store(*({**reading(0), "ts": (now - timedelta(hours=hours)).isoformat()} for hours in (0, 12, 23, 25)))
    trend = (await api.reader.get("/api/readings/trend?device_id=d&metric=temperature")).json()
    assert trend["bucket_seconds"] == 300
    assert sum(point["count"] for point in trend["points"]) == 3


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("/api/readings?devise_id=d", 422, "device_id"),
        ("/api/readings?limit=0", 422, "limit"),
        ("/api/readings?limit=1001", 422, "limit"),
        ("/api/readings?limit=1e2", 422, "whole number"),
        ("/api/readings?limit=1&limit=2", 422, "twice"),
        ("/api/readings?since=yesterday", 422, "since"),
        ("/api/readings?since=2026-11-22T12:00:00", 422, "since"),
        ("/api/readings?since=1700000000", 422, "since"),
        ("/api/readings?order=up", 422, "order"),
        ("/api/readings?metric=%00", 422, "metric"),
        ("/api/readings?metric=null", 200, ""),
        ("/api/readings?cursor=AAAA", 400, "cursor"),
        ("/api/readings?since=2026-11-22T12:00:00Z&until=2026-11-22T12:00:00Z", 400, "before"),
        ("/api/readings/trend?device_id=d", 422, "metric"),
        ("/api/readings/trend?device_id=d&metric=m&points=2001", 422, "points"),
        (
            "/api/readings/trend?device_id=d&metric=m&since=2026-11-22T12:00:00Z&until=2025-11-22T12:00:00Z",
            400,
            "before",
        ),
        ("/api/readings/export", 422, "format"),
        ("/api/readings/export?format=xml", 422, "format"),
        ("/api/readings/elsewhere", 404, ""),
        ("/api/nothing", 404, ""),
    ],
)
def test_a_request_that_makes_no_sense_is_told_what_is_allowed(
    empty_api: httpx.Client, query: str, status: int, named: str
) -> None:
    answer = empty_api.get(query)
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert named in answer.json()["detail"]


@pytest.mark.parametrize("limits", [Limits(export_chunk_rows=7)], ids=[""])
async def test_an_export_holds_every_reading_once_whatever_the_chunks(api: RunningApi) -> None:
    sent = [reading(n, n / 3, device_id, metric) for n in range(10) for device_id in "ab" for metric in ("m1", "m2")]
    await api.store(*sent)
    table = await api.http.get("/api/readings/export?format=csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    wanted = sorted((r["device_id"], r["metric"], r["ts"], r["value"]) for r in sent)
    assert [(r["device_id"], r["metric"], r["ts"], float(r["value"])) for r in rows] == wanted
    lines = await api.http.get("/api/readings/export?format=ndjson&device_id=b&metric=m2")
    assert lines.headers["content-disposition"] == 'attachment; filename="readings.ndjson"'
    assert [json.loads(line)["value"] for line in lines.text.splitlines()] == [n / 3 for n in range(10)]


async def test_an_export_of_nothing_is_a_header_alone(api: RunningApi) -> None:
    assert (await api.http.get("/api/readings/export?format=csv")).text == "device_id,metric,ts,value,received_at\r\n"
    assert (await api.http.get("/api/readings/export?format=ndjson")).text == ""


IDLE = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'api' AND state <> 'idle'"


async def test_an_export_that_nobody_reads_keeps_no_connection_of_the_database(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    await owner.execute("SELECT ensure_partition($1)", NOON)
    await owner.execute(
        "INSERT INTO sensor_readings (device_id, metric, ts, value, received_at) "
        "SELECT 'd', 'm', $1::timestamptz + n * interval '1 second', n, now() FROM generate_series(1, 100000) n",
        NOON - timedelta(days=1),
    )
    await owner.execute(
        "INSERT INTO latest_readings (device_id, metric, ts, value, received_at) VALUES ('d', 'm', now(), 0, now())"
    )
    async with api.http.stream("GET", "/api/readings/export?format=csv") as answer:
        chunks = answer.aiter_bytes()
        await anext(chunks)
        # It goes on until its answer stands still in the buffers.
        await until(lambda: owner.fetchval(IDLE))
        assert b"".join([chunk async for chunk in chunks]).endswith(b"\r\n")


async def test_a_trend_of_what_is_kept_as_rollups_alone_is_told_by_them(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    began = datetime(2024, 5, 17, 12, tzinfo=UTC)
    series = {"device_id": "old", "metric": "power"}
    ends = {"since": began.isoformat(), "until": (began + timedelta(hours=1)).isoformat()}
    readings: list[dict[str, object]] = [
        {**series, "ts": (began + timedelta(seconds=10 * index)).isoformat(), "value": 9 if index == 200 else 1}
        for index in range(360)
    ]
    await api.store(*readings)
    lengths = []
    for gone in ("sensor_readings", "readings_minute", "readings_hour", None):
        question: dict[str, str | int] = {**series, **ends, "points": 600}
        answer = (await api.reader.get("/api/readings/trend", params=question)).json()
        lengths.append(answer["bucket_seconds"])
        assert sum(point["count"] for point in answer["points"]) == 360
        assert max(point["max"] for point in answer["points"]) == 9, "the spike is there at every level"
        if gone:
            await owner.execute(f"DROP TABLE {gone}_y2024m05")
    assert lengths == [6, 60, 3600, 86_400]
