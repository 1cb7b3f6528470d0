import re
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.arrays import split_array
from apps.domain.errors import InvalidInputError
from apps.domain.readings import MAX_REASON_LENGTH, DeviceReading, Validated, parse_reading, parse_readings
from apps.domain.reasons import body_reason
from apps.domain.time_bounds import TimeBounds

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
GOOD = {"metric": "temperature", "ts": "2026-11-25T11:00:00Z", "value": 21.5}


def parse(item: object) -> Validated:
    return parse_readings(msgspec.json.encode([item]), TimeBounds.at(NOW, 3), 1)


def reason(item: object) -> str:
    (rejected,) = parse(item).rejected
    return rejected.reason


@pytest.mark.parametrize(
    ("ts", "says"),
    [
        (1764072000, "found 1764072000, it looks like seconds since 1970, write 2025-11-25T12:00:00Z"),
        (1764072000.5, "found 1764072000.5, it looks like seconds since 1970, write 2025-11-25T12:00:00.500Z"),
        (1764072000123, "looks like milliseconds since 1970, write 2025-11-25T12:00:00.123Z"),
        (1764072000123456, "looks like microseconds since 1970, write 2025-11-25T12:00:00.123Z"),
        (1764072000123456789, "looks like nanoseconds since 1970, write 2025-11-25T12:00:00.123Z"),
        ("1764072000", 'found "1764072000", it looks like seconds since 1970'),
        ("2026-11-25T11:00:00", 'found "2026-11-25T11:00:00", write RFC 3339 with a zone, as in'),
        ("25.11.2026 11:00", 'found "25.11.2026 11:00", write RFC 3339 with a zone'),
        (5, "found 5, write RFC 3339"),
        (None, "found null, write RFC 3339"),
        (True, "found true, write RFC 3339"),
    ],
)
def test_a_time_that_is_none_says_what_was_found_and_how_to_write_it(ts: object, says: str) -> None:
    assert says in reason(GOOD | {"ts": ts})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("21,5", 'found "21,5", write 21.5, with a point and without quotes'),
        ("21.5", 'found "21.5", write 21.5 without quotes'),
        ("21.5 °C", "write 21.5 without its unit"),
        (None, "found null, leave out what was not measured"),
        (True, "found true, write 1"),
        (1e301, "found 1e301, it may be 1e300 at most"),
        ([1], "found [1], write a number"),
    ],
)
def test_a_value_that_is_no_number_says_what_was_found_and_how_to_write_it(value: object, says: str) -> None:
    assert says in reason(GOOD | {"value": value})


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (GOOD | {"metric": "Temp °C"}, "as in temp_c"),
        (GOOD | {"metric": 7}, "found 7, write text"),
        ({"metric": "a", "timestamp": "x", "value": 1}, "write ts for timestamp"),
        ({"name": "a", "ts": GOOD["ts"], "value": 1}, "write metric for name"),
        (GOOD | {"unit": "C"}, "a reading holds metric, ts and value"),
        ([], "found [], write {"),
        ("text" * 100, "..."),
        ({}, "an empty object"),
    ],
)
def test_an_item_that_is_no_reading_says_what_was_found_and_what_is_wanted(item: object, says: str) -> None:
    assert says in reason(item)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\x1f\x8b\x08\x00", "Content-Encoding: gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "Zstandard"),
        ("[]".encode("utf-16"), "UTF-16"),
        (b"  ", "empty"),
        (b'{"metric": "a"}', "a single object: put it in brackets"),
        (b'{"metric": "a"}\n{"metric": "b"}\n', "an object on each line: put it in brackets"),
        (b"metric=a&value=1", "a form"),
        (b"metric,ts,value\na,b,1\n", "CSV"),
    ],
)
def test_a_body_that_is_something_else_is_named(body: bytes, says: str) -> None:
    assert says in (body_reason(body) or "")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert [bytes(item) for item in split_array(b"\xef\xbb\xbf[1]")] == [b"1"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(list(GOOD)), inner, max_size=4)
    ),
    max_leaves=8,
)


NAMED = GOOD | {"device_id": "boiler-1"}
NEARLY = st.sets(st.sampled_from(list(NAMED))).flatmap(
    lambda wrong: st.fixed_dictionaries(
        {name: st.just(value) for name, value in NAMED.items() if name not in wrong},
        optional=dict.fromkeys(wrong, JSON),
    )
)
"""Readings that lack something, or have something else in its place."""


@given(JSON | NEARLY)
def test_every_item_is_a_reading_or_has_a_reason(item: object) -> None:
    found = parse(item)
    assert len(found.readings) + len(found.rejected) == 1
    assert all(rejected.reason and len(rejected.reason) <= MAX_REASON_LENGTH for rejected in found.rejected)


@given(JSON | NEARLY)
def test_every_item_on_the_stream_is_a_reading_or_has_a_reason(item: object) -> None:
    with suppress(InvalidInputError):
        parse_reading(msgspec.json.encode(item), DeviceReading, TimeBounds.at(NOW, 3))


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (GOOD, "missing required field `device_id`"),
        (GOOD | {"device": "boiler-1"}, "write device_id for device"),
        (NAMED | {"device_id": "boiler 1"}, 'found "boiler 1", write letters, digits'),
        (NAMED | {"unit": "C"}, "a reading holds device_id, metric, ts and value"),
        (7, 'write {"device_id": "boiler-1", "metric"'),
    ],
)
def test_an_item_of_another_producer_says_of_its_device_too_what_is_wanted(item: object, says: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(says)):
        parse_reading(msgspec.json.encode(item), DeviceReading, TimeBounds.at(NOW, 3))


@given(st.binary(max_size=200))
def test_every_body_may_be_asked_about(body: bytes) -> None:
    assert body_reason(body) is None or body_reason(body)
