import json
from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.readings import (
    MAX_DETAILED_REJECTS,
    MAX_REASON_LENGTH,
    Reading,
    Validated,
    json_schema,
    parse_readings,
    truncate,
)
from apps.domain.time_bounds import MAX_CLOCK_SKEW, MIN_TIMESTAMP, TimeBounds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RETENTION_MONTHS = 120
"""All that a generated reading may be from."""

zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
readings = st.builds(
    Reading,
    metric=st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True),
    ts=st.datetimes(datetime(2017, 1, 3), datetime(2026, 11, 22), timezones=zones),
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


def parse(body: bytes, now: datetime = NOW, months: int = RETENTION_MONTHS) -> Validated:
    return parse_readings(body, TimeBounds.at(now, months), 10_000)


@given(st.lists(readings, max_size=5, unique_by=lambda reading: (reading.metric, reading.ts)))
def test_readings_survive_their_way_through_json(sent: list[Reading]) -> None:
    found = parse(msgspec.json.encode(sent))
    assert not found.rejected
    assert found.readings == sent


@pytest.mark.generated
@given(st.lists(readings.map(msgspec.to_builtins) | json_values | near_misses, max_size=8))
def test_every_item_is_accepted_or_refused_with_a_reason_on_its_own(items: list[object]) -> None:
    found = parse(json.dumps(items).encode())
    assert len(found.readings) + len(found.rejected) == len(items)
    for reject in found.rejected:
        assert reject.reason
        assert "\x00" not in reject.reason + reject.payload
        assert len(reject.reason) <= MAX_REASON_LENGTH
        # One that is in conflict is right by itself.
        assert (parse(json.dumps([items[reject.index]]).encode()).readings == []) == (reject.kind != "conflict")
    names = {reject.index for reject in found.rejected}
    others = [item for index, item in enumerate(items) if index not in names]
    assert parse(json.dumps(others).encode()) == Validated(found.readings)


@given(near_misses)
def test_what_the_published_schema_refuses_is_refused_and_the_rest_for_its_time_only(item: object) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    rejected = parse(json.dumps([item]).encode()).rejected
    if not validator.is_valid([item]):
        assert [reject.kind for reject in rejected] == ["schema"]
    elif rejected and rejected[0].kind == "schema":
        # JSON Schema's formats are annotations: a time without a zone passes there.
        assert "ts" in rejected[0].reason


@pytest.mark.parametrize(
    ("ts", "fault"),
    [
        (NOW + MAX_CLOCK_SKEW, None),
        (NOW + MAX_CLOCK_SKEW + timedelta(microseconds=1), "clock"),
        (MIN_TIMESTAMP - timedelta(microseconds=1), "clock"),
        (datetime(2026, 8, 1, tzinfo=UTC), None),
        (datetime(2026, 8, 1, tzinfo=UTC) - timedelta(microseconds=1), "retention"),
        (datetime(2026, 8, 1, 1, tzinfo=timezone(timedelta(hours=1))), None),
        (MIN_TIMESTAMP, "retention"),
    ],
)
def test_a_time_outside_of_what_is_kept_is_refused(ts: datetime, fault: str | None) -> None:
    rejected = parse(msgspec.json.encode([Reading(metric="a", ts=ts, value=1)]), months=3).rejected
    assert [reject.kind for reject in rejected] == ([fault] if fault else [])


def test_a_second_value_for_a_time_is_refused_and_names_the_first() -> None:
    sent = [("flow", 1.0), ("flow", 1), ("level", 2), ("flow", 2.0), ("flow", -1)]
    body = [{"metric": metric, "ts": "2026-11-23T11:00:00Z", "value": value} for metric, value in sent]
    body[3]["ts"] = "2026-11-23T12:00:00+01:00"
    found = parse(json.dumps(body).encode())
    assert [(reading.metric, reading.value) for reading in found.readings] == [("flow", 1), ("flow", 1), ("level", 2)]
    assert [(reject.index, reject.kind) for reject in found.rejected] == [(3, "conflict"), (4, "conflict")]
    assert "reading 0 has another value" in found.rejected[0].reason


@pytest.mark.parametrize(
    "more",
    ['"value": 2', '"value":2', '"val\\u0075e" : 2', '"metric": "n"', '"ts": "2026-11-23T10:00:00Z"', '"value" : 1'],
)
def test_a_member_that_stands_twice_is_refused_as_one_of_the_two_would_be_lost(more: str) -> None:
    good = '{"metric": "value", "ts": "2026-11-23T11:00:00Z", "value": 1'
    found = parse(f"[{good}}}, {good}, {more}}}]".encode())
    assert len(found.readings) == 1
    assert [(reject.index, reject.kind) for reject in found.rejected] == [(1, "schema")]
    assert "stands twice: name it once" in found.rejected[0].reason


def test_of_many_rejects_the_first_are_kept_and_the_others_named() -> None:
    good = {"metric": "m", "ts": "2026-11-23T11:00:00Z", "value": 1}
    found = parse(json.dumps([good, *([{"k" * 485: 1}] * 9_000), good | {"ts": "1970-01-01T00:00:00Z"}]).encode())
    assert len(found.readings) == 1
    assert [reject.index for reject in found.rejected] == list(range(1, MAX_DETAILED_REJECTS + 1))
    assert found.further_rejected == {"schema": list(range(MAX_DETAILED_REJECTS + 1, 9_001)), "clock": [9_001]}
    assert found.count_rejected() == {"schema": 9_000, "clock": 1}


def test_a_reason_that_quotes_the_device_stays_short_and_can_be_stored() -> None:
    long, nul = '{"%s": 1}' % ("x" * 100_000), '{"\\u0000": 1}'
    rejected = parse(f"[{long}, {nul}]".encode()).rejected
    assert (len(rejected[0].reason), len(rejected[0].payload)) == (MAX_REASON_LENGTH, 1024)
    assert "\x00" not in rejected[1].reason


@given(st.binary(max_size=5_000))
def test_a_shortened_payload_can_be_stored_whatever_it_was(payload: bytes) -> None:
    text = truncate(payload)
    assert len(text) <= 1024
    assert "\x00" not in text
    text.encode("utf-8")
