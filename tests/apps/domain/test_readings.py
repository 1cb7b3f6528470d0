import json
from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.readings import (
    MAX_CLOCK_SKEW,
    MIN_TIMESTAMP,
    Reading,
    json_schema,
    split_array,
    truncate,
    validate_readings,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
readings = st.builds(
    Reading,
    metric=st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True),
    ts=st.datetimes(datetime(2000, 1, 3), datetime(2026, 11, 22), timezones=zones),
    value=st.floats(-1e300, 1e300),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "metric": st.sampled_from(["temperature", "T", "", "a" * 64, "a\n", 1, None]),
        "ts": st.sampled_from(
            [
                "2026-11-01T00:00:00Z",
                "2026-11-01T00:00:00",
                "2026-11-01",
                1,
                "9999-12-31T23:59:59-23:59",
                "1999-01-01T00:00:00Z",
            ]
        ),
        "value": st.sampled_from([1, 1.5, "1", True, None, 1e301, [1]]),
        "unit": st.just("K"),
    },
)


@given(st.lists(readings, max_size=5))
def test_readings_survive_their_way_through_json(sent: list[Reading]) -> None:
    read, rejected = validate_readings(split_array(msgspec.json.encode(sent)), NOW)
    assert not rejected
    assert read == sent


@given(st.lists(readings.map(msgspec.to_builtins) | json_values | near_misses, max_size=8))
def test_every_item_is_accepted_or_refused_with_a_reason_on_its_own(items: list[object]) -> None:
    raw = split_array(json.dumps(items).encode())
    read, rejected = validate_readings(raw, NOW)
    assert len(read) + len(rejected) == len(items)
    for reject in rejected:
        assert reject.reason
        assert "\x00" not in reject.reason + reject.payload
        assert len(reject.reason) <= 1024
        assert validate_readings([raw[reject.index]], NOW)[0] == []
    names = {reject.index for reject in rejected}
    assert validate_readings([item for index, item in enumerate(raw) if index not in names], NOW) == (read, [])


@given(near_misses)
def test_what_the_published_schema_refuses_is_refused_and_the_rest_is_refused_for_its_time_only(item: object) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    _, rejected = validate_readings(split_array(json.dumps([item]).encode()), NOW)
    if not validator.is_valid([item]):
        assert [reject.kind for reject in rejected] == ["schema"]
    elif rejected and rejected[0].kind == "schema":
        # JSON Schema's formats are annotations: a time without a zone passes there.
        assert "ts" in rejected[0].reason


@given(st.binary(max_size=200))
def test_any_body_is_split_or_refused_as_no_json_array(body: bytes) -> None:
    try:
        items = split_array(body)
    except msgspec.DecodeError:
        return
    validate_readings(items, NOW)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[" * 2_000 + b"]" * 2_000, b'[{"a":' * 5_000])
def test_json_nested_without_end_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        split_array(body)


@pytest.mark.parametrize(
    ("ts", "fault"),
    [
        (NOW + MAX_CLOCK_SKEW, None),
        (NOW + MAX_CLOCK_SKEW + timedelta(microseconds=1), "clock"),
        (MIN_TIMESTAMP, None),
        (MIN_TIMESTAMP - timedelta(microseconds=1), "clock"),
    ],
)
def test_a_time_that_only_a_wrong_clock_gives_is_refused(ts: datetime, fault: str | None) -> None:
    _, rejected = validate_readings(split_array(msgspec.json.encode([Reading(metric="a", ts=ts, value=1)])), NOW)
    assert [reject.kind for reject in rejected] == ([fault] if fault else [])


def test_a_reason_that_quotes_the_device_stays_short_and_can_be_stored() -> None:
    long, nul = '{"%s": 1}' % ("x" * 100_000), '{"\\u0000": 1}'
    _, rejected = validate_readings(split_array(f"[{long}, {nul}]".encode()), NOW)
    assert len(rejected[0].reason) == len(rejected[0].payload) == 1024
    assert "\x00" not in rejected[1].reason


@given(st.binary(max_size=5_000))
def test_a_shortened_payload_can_be_stored_whatever_it_was(payload: bytes) -> None:
    text = truncate(payload)
    assert len(text) <= 1024
    assert "\x00" not in text
    text.encode("utf-8")
