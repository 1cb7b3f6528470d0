"""What one upload, and one device, may cost: refusals bounded by the upload that caused them, metrics by device."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.readings import Reading, Validated
from apps.gateway.app import create
from apps.gateway.known_metrics import KnownMetrics
from apps.gateway.settings import GatewaySettings
from apps.platform.settings import load
from apps.storage.series import DeviceMetrics, MetricLimits
from tests.apps.gateway.support import FaultyKinesis, PutFault, as_client, environment, upload_path
from tests.support.serving import serving

NOW = datetime.now(UTC)


@pytest.fixture
def kinesis() -> FaultyKinesis:
    return FaultyKinesis(PutFault)


@pytest.fixture
def gateway(tmp_path: Path, kinesis: FaultyKinesis) -> Iterator[str]:
    settings = load(GatewaySettings, environment(tmp_path, DEVICE_MAX_METRICS="3", READINGS_RETENTION_MONTHS="3"))
    with serving(create(settings, as_client(kinesis), now=lambda: NOW)) as base:
        yield base


def put(base: str, body: bytes | list[dict[str, object]], device_id: str = "device-1") -> httpx.Response:
    content = gzip.compress(body if isinstance(body, bytes) else json.dumps(body).encode())
    return httpx.put(base + upload_path(device_id), content=content, headers={"content-encoding": "gzip"})


def reading(metric: str = "m", value: float = 1, ts: datetime = NOW) -> dict[str, object]:
    return {"metric": metric, "ts": ts.isoformat(), "value": value}


@pytest.mark.parametrize("number", ["NaN", "nan", "Infinity", "-inf", "1.#QNAN", "+1", ".5", "1e999"])
def test_a_number_that_is_none_costs_only_its_reading(gateway: str, kinesis: FaultyKinesis, number: str) -> None:
    items = [json.dumps(reading(value=at, ts=NOW - timedelta(seconds=at))) for at in range(4)]
    items[1] = items[1].replace('"value": 1', f'"value": {number}')
    items[3] = items[3].replace('"value": 3', f'"value": {number}')
    answer = put(gateway, f"[{', '.join(items)}]".encode())
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert [refused["index"] for refused in answer.json()["refused"]] == [1, 3]
    (envelope,) = (msgspec.json.decode(data) for data in kinesis.acknowledged)
    assert [item["value"] for item in envelope["readings"]] == [0, 2]
    assert [item["payload"] for item in envelope["refused"]] == [items[1], items[3]]
    assert put(gateway, f"[{', '.join(items)}".encode()).status_code == 400


def test_each_kind_of_fault_is_told_with_its_place_and_reason(gateway: str) -> None:
    sent = [
        reading(),
        reading(value=2),
        reading("n", ts=NOW - timedelta(days=130)),
        reading("n", 9007199254740993),
        reading("n") | {"ts": "2026-11-25T10:00:00.1234567Z"},
        reading("n", ts=NOW + timedelta(hours=1)),
        reading("N"),
        *(reading(f"x{number}") for number in range(4)),
        reading("x0", ts=NOW - timedelta(seconds=1)),
    ]
    body = json.dumps(sent).replace("9007199254740993.0", "9007199254740993").encode()
    answer = put(gateway, body).json()
    assert answer["accepted"] == 4
    reasons = {refused["index"]: refused["reason"] for refused in answer["refused"]}
    for index, words in {
        1: "reading 0 has another value",
        2: "older readings are no longer kept",
        3: "more digits than a double keeps",
        4: "microsecond",
        5: "set the device's clock",
        6: "metric: found",
        9: "a device may have 3 metrics",
        10: "a device may have 3 metrics",
    }.items():
        assert words in reasons.pop(index)
    assert not reasons


def test_known_metrics_go_on_at_the_bound_and_other_devices_have_their_own(gateway: str) -> None:
    assert put(gateway, [reading(name) for name in "abc"]).json()["accepted"] == 3
    for _ in range(2):
        answer = put(gateway, [reading("d"), reading("b", 2), reading("c", 3)]).json()
        assert (answer["accepted"], [refused["index"] for refused in answer["refused"]]) == (2, [0])
    assert put(gateway, [reading("e")]).status_code == 422
    assert put(gateway, [reading("e")], "device-2").status_code == 202


def test_what_a_refusal_costs_is_bounded_by_the_upload_that_caused_it(gateway: str, kinesis: FaultyKinesis) -> None:
    for body in (b"[" + b",".join([b'{"%s":1}' % (b"k" * 485)] * 10_000) + b"]", b"[" + b"1," * 9_999 + b"1]"):
        answer = put(gateway, body)
        assert answer.status_code == 422
        found = answer.json()
        further = [index for group in found["further_refused"] for index in group["indexes"]]
        assert [refused["index"] for refused in found["refused"]] + further == list(range(10_000))
        assert all(group["reason"] for group in found["further_refused"])
        on_stream = sum(len(data) for data in kinesis.acknowledged)
        assert max(len(answer.content), on_stream) < 150_000
        kinesis.acknowledged.clear()


def test_a_metric_that_was_not_sent_for_a_day_makes_room() -> None:
    now = 0.0
    known = KnownMetrics(MetricLimits(2, 100), nobody_knows, monotonic=lambda: now)

    def taken(*metrics: str) -> list[str]:
        validated = Validated([Reading(metric=metric, ts=NOW, value=1) for metric in metrics])
        asyncio.run(known.admit("d", validated))
        return [valid.metric for valid in validated.readings]

    assert taken("a", "b", "c") == ["a", "b"]
    for hours, metrics, wanted in ((23, "bc", "b"), (25, "bc", "b"), (50, "bcd", "bc"), (200, "xyz", "xy")):
        now = hours * 3600.0
        assert taken(*metrics) == list(wanted), hours


async def nobody_knows(device_id: str) -> DeviceMetrics | None:
    return None


UPLOADS = st.lists(
    st.tuples(st.sampled_from("de"), st.lists(st.sampled_from("abcdefgh"), max_size=8)), min_size=1, max_size=12
)


@given(UPLOADS, st.integers(1, 5), st.integers(1, 12))
def test_no_device_is_taken_for_more_metrics_than_it_may_have(
    uploads: list[tuple[str, list[str]]], limit: int, max_names: int
) -> None:
    known = KnownMetrics(MetricLimits(limit, 1), nobody_knows, max_names)
    model = dict[str, list[str]]()
    forgets = max_names < 16
    for device, metrics in uploads:
        validated = Validated([Reading(metric=metric, ts=NOW, value=1) for metric in metrics])
        asyncio.run(known.admit(device, validated))
        taken = [item.metric for item in validated.readings]
        assert len(validated.readings) + len(validated.rejected) == len(metrics)
        assert [item.index for item in validated.rejected] == sorted(item.index for item in validated.rejected)
        assert len(set(taken)) <= limit
        if not forgets:
            mine = model.setdefault(device, [])
            mine += [metric for metric in dict.fromkeys(metrics) if metric not in mine][: limit - len(mine)]
            assert taken == [metric for metric in metrics if metric in mine]
