from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.readings import Envelope, Reading, RejectedReading
from apps.gateway.envelopes import MAX_RECORD_BYTES, encode

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
readings = st.builds(
    Reading, metric=st.from_regex(r"[a-z]{1,60}", fullmatch=True), ts=st.just(NOW), value=st.floats(-1e9, 1e9)
)
rejects = st.builds(RejectedReading, index=st.integers(0, 9), reason=st.text(max_size=50), payload=st.text(max_size=50))
envelopes = st.builds(
    Envelope,
    device_id=st.just("device-1"),
    received_at=st.just(NOW),
    readings=st.lists(readings, max_size=12).map(tuple),
    rejected=st.lists(rejects, max_size=12).map(tuple),
    traceparent=st.sampled_from([None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"]),
)


@given(envelopes, st.integers(1_000, 3_000))
def test_records_within_the_limit_carry_everything_once_and_in_order(envelope: Envelope, limit: int) -> None:
    records = encode(envelope, limit)
    assert all(len(record) <= limit for record in records)
    parts = [msgspec.json.decode(record, type=Envelope) for record in records]
    assert tuple(reading for part in parts for reading in part.readings) == envelope.readings
    assert tuple(reject for part in parts for reject in part.rejected) == envelope.rejected
    assert {(part.device_id, part.received_at, part.traceparent) for part in parts} == {
        (envelope.device_id, envelope.received_at, envelope.traceparent)
    }


@given(envelopes)
def test_what_fits_is_one_record(envelope: Envelope) -> None:
    assert encode(envelope) == [msgspec.json.encode(envelope)]


def test_the_largest_reading_and_the_largest_rejected_reading_fit_in_a_record() -> None:
    largest = Envelope(
        device_id="d" * 64,
        received_at=NOW,
        readings=(Reading(metric="m" * 63, ts=NOW, value=-1.2345678901234567e-300),),
        rejected=(RejectedReading(index=100_000, reason="\x01" * 1024, payload="\x01" * 1024),),
        traceparent="0" * 55,
    )
    assert len(encode(largest)[0]) < MAX_RECORD_BYTES / 10
