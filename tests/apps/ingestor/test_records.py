"""Parsing a record: any bytes, nothing raised, nothing lost."""

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aws_kinesis_agg.aggregator import RecordAggregator
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.readings import DeviceReading, Envelope, Reading, RejectedReading, StoredReading
from apps.domain.time_bounds import retention_start
from apps.ingestor.records import ParsedRecord, Record, RejectCause, parse_record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TS = "2026-11-23T11:59:00Z"
RETENTION_MONTHS = 3
START = retention_start(NOW, RETENTION_MONTHS)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DEVICES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
METRICS = st.from_regex(r"\A[a-z][a-z0-9_]{0,62}\Z")
VALUES = st.floats(-1e300, 1e300)
TIMES = st.datetimes(START.replace(tzinfo=None), NOW.replace(tzinfo=None), timezones=st.just(UTC))
READINGS = st.builds(Reading, metric=METRICS, ts=TIMES, value=VALUES)
DEVICE_READINGS = st.builds(DeviceReading, device_id=DEVICES, metric=METRICS, ts=TIMES, value=VALUES)
GOOD = st.fixed_dictionaries(
    {"device_id": DEVICES, "metric": METRICS, "ts": TIMES.map(datetime.isoformat), "value": VALUES}
)


def parse(data: bytes) -> ParsedRecord:
    return parse_record(Record("7", NOW, data), RETENTION_MONTHS)


def readings_of(found: ParsedRecord) -> list[StoredReading]:
    return [located.reading for located in found.readings]


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def keepable(found: ParsedRecord) -> bool:
    texts = [text for item in found.rejected for text in (item.reason, item.payload, item.device_id or "")]
    return all("\x00" not in text and len(text) <= 1024 and text.encode() is not None for text in texts)


@given(st.binary() | JSON.map(dump) | st.lists(JSON | GOOD).map(dump))
def test_any_bytes_are_read_without_an_error_and_into_texts_that_postgresql_keeps(data: bytes) -> None:
    found = parse(data)
    assert keepable(found)
    assert all(0 <= item.position < 2**31 for item in found.rejected)


@given(st.lists(JSON | GOOD))
def test_each_item_of_an_array_is_a_reading_or_rejected(items: list[Any]) -> None:
    found = parse(dump(items))
    assert len(found.readings) + len(found.rejected) == len(items)
    assert sorted(
        [located.position for located in found.readings] + [item.position for item in found.rejected]
    ) == list(range(len(items)))


@given(DEVICES | JSON, TIMES.map(datetime.isoformat) | JSON, st.lists(JSON | GOOD), st.lists(JSON), JSON)
def test_each_item_of_an_envelope_is_a_reading_or_rejected(
    device_id: Any, received_at: Any, readings: list[Any], rejected: list[Any], traceparent: Any
) -> None:
    envelope = {
        "type": "readings.v1",
        "device_id": device_id,
        "received_at": received_at,
        "readings": readings,
        "refused": rejected,
        "traceparent": traceparent,
    }
    found = parse(dump(envelope))
    assert len(found.readings) + len(found.rejected) == len(readings) + len(rejected)
    assert keepable(found)


@given(
    DEVICES,
    TIMES,
    st.lists(READINGS),
    st.lists(st.builds(RejectedReading, index=st.integers(0, 9999), reason=st.text())),
)
def test_what_the_gateway_puts_is_read_as_it_was_meant(
    device_id: str, received_at: datetime, readings: list[Reading], rejected: list[RejectedReading]
) -> None:
    envelope = Envelope(
        device_id=device_id,
        received_at=received_at,
        readings=tuple(readings),
        rejected=tuple(rejected),
        traceparent="00",
    )
    found = parse(msgspec.json.encode(envelope))
    assert readings_of(found) == [StoredReading(device_id, r.metric, r.ts, r.value, received_at) for r in readings]
    assert [item.position for item in found.rejected] == [reading.index for reading in rejected]
    assert all(item.cause is RejectCause.GATEWAY and item.device_id == device_id for item in found.rejected)
    assert found.traceparents == ["00"]


@given(DEVICE_READINGS)
def test_a_single_reading_is_received_when_it_arrived(reading: DeviceReading) -> None:
    found = parse(msgspec.json.encode(reading))
    assert readings_of(found) == [StoredReading(reading.device_id, reading.metric, reading.ts, reading.value, NOW)]


@given(st.lists(st.binary(max_size=40) | GOOD.map(dump) | st.lists(GOOD).map(dump), min_size=1, max_size=8))
def test_a_packed_record_holds_what_its_parts_hold(parts: list[bytes]) -> None:
    aggregator = RecordAggregator()
    for part in parts:
        aggregator.add_user_record("key", part)
    _, _, data = aggregator.clear_and_get().get_contents()
    found = parse(data)
    apart = [parse(part) for part in parts]
    assert readings_of(found) == [reading for part in apart for reading in readings_of(part)]
    assert [item.payload for item in found.rejected] == [item.payload for part in apart for item in part.rejected]
    positions = sorted([located.position for located in found.readings] + [item.position for item in found.rejected])
    assert positions == list(range(len(positions)))


@given(st.binary())
def test_a_packed_record_that_was_damaged_is_kept_as_it_is(body: bytes) -> None:
    found = parse(b"\xf3\x89\x9a\xc2" + body + bytes(16))
    assert [item.cause for item in found.rejected] == [RejectCause.MALFORMED]


def test_a_record_that_is_compressed_is_told_so() -> None:
    for data, what in ((gzip.compress(b"[]"), "gzip"), (zlib.compress(b"[]"), "zlib"), (b"\xff\xfe[\x00", "UTF-16")):
        (item,) = parse(data).rejected
        assert what in item.reason
        assert "plain JSON" in item.reason


def test_one_bad_reading_of_an_envelope_costs_only_itself() -> None:
    good = {"metric": "temperature", "ts": TS, "value": 1}
    bad = [
        good | {"value": "1"},
        good | {"metric": "Temperature"},
        good | {"metric": "a\n"},
        good | {"value": 1.5e300},
        good | {"more": 1},
        {"a": "\x00"},
        None,
    ]
    envelope = {"type": "readings.v1", "device_id": "d", "received_at": TS, "readings": [good, *bad, good]}
    found = parse(dump(envelope))
    assert len(found.readings) == 2
    assert [item.cause for item in found.rejected] == [RejectCause.INVALID] * len(bad)
    assert [
        json.loads(item.payload.replace("\N{SYMBOL FOR NULL}", "\x00"), strict=False) for item in found.rejected
    ] == bad


def test_one_value_that_json_has_no_word_for_costs_only_its_reading() -> None:
    good = {"device_id": "d", "metric": "m", "ts": TS, "value": 1}
    found = parse(dump([good, good | {"value": float("nan")}, good | {"metric": "\ud800"}, good]))
    assert [located.position for located in found.readings] == [0, 3]
    assert [item.cause for item in found.rejected] == [RejectCause.INVALID] * 2
    assert [item.device_id for item in found.rejected] == ["d", "d"]
    assert "NaN" in found.rejected[0].payload


def test_a_clock_that_is_wrong_is_told_apart_and_measured_against_the_streams_own_clock() -> None:
    def reading(ts: datetime) -> dict[str, object]:
        return {"device_id": "d", "metric": "m", "ts": ts.isoformat(), "value": 1}

    ahead, old, far = NOW + timedelta(seconds=301), datetime(1999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    found = parse(dump([reading(NOW + timedelta(minutes=5)), reading(ahead), reading(old), reading(far)]))
    assert len(found.readings) == 1
    assert [(item.position, item.cause, item.device_id) for item in found.rejected] == [
        (n, RejectCause.CLOCK, "d") for n in (1, 2, 3)
    ]


@given(
    gateway=st.timedeltas(-timedelta(minutes=5), timedelta(minutes=5)),
    device=st.timedeltas(-timedelta(days=1), timedelta(minutes=5)),
)
def test_whatever_a_gateway_took_by_its_own_clock_is_kept(gateway: timedelta, device: timedelta) -> None:
    received_at = NOW + gateway
    reading = {"metric": "temperature", "ts": received_at + device, "value": 1}
    envelope = {"type": "readings.v1", "device_id": "d", "received_at": received_at, "readings": [reading]}
    (stored,) = readings_of(parse(msgspec.json.encode(envelope)))
    assert (stored.ts, stored.received_at) == (received_at + device, received_at)


def test_a_gateway_whose_clock_is_wrong_costs_no_reading() -> None:
    good = {"metric": "temperature", "ts": TS, "value": 1}
    for received_at in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "yesterday", None, 5):
        envelope = {"type": "readings.v1", "device_id": "d", "received_at": received_at, "readings": [good]}
        (reading,) = readings_of(parse(dump(envelope)))
        assert reading.received_at == NOW


def test_a_megabyte_of_nonsense_is_kept_shortened_and_nested_json_does_not_overflow_the_stack() -> None:
    for data in (b"x" * 2**20, b"[" * 2**20, b'{"type":' * 2**17, b"[" + b"[" * 10**5 + b"]" * 10**5 + b"]"):
        (item,) = parse(data).rejected
        assert item.payload == data.decode()[:1024]


def test_an_envelope_of_a_later_kind_is_not_taken_for_this_one() -> None:
    (item,) = parse(dump({"type": "readings.v2", "device_id": "d", "readings": []})).rejected
    assert "readings.v2" in item.reason
