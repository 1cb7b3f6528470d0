from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.domain.windows import buckets_for, buckets_for_last_day

MAX_TIMESTAMP = datetime(2200, 1, 1, tzinfo=UTC)

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
LENGTHS = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(days=2)), st.timedeltas(timedelta(1), timedelta(70_000))
)
POINTS = st.integers(1, 2000)


def aligned(at: datetime, step: timedelta) -> bool:
    return at.timestamp() % step.total_seconds() == 0


@given(TIMES, LENGTHS, POINTS)
def test_buckets_cover_the_window_with_no_more_than_the_points_asked_for(
    since: datetime, length: timedelta, points: int
) -> None:
    until = min(since + length, MAX_TIMESTAMP)
    if since >= until:
        return
    buckets = buckets_for(since, until, points)
    assert buckets.since <= since < until <= buckets.until
    assert buckets.since > since - buckets.step
    assert buckets.until < until + buckets.step
    assert 1 <= (buckets.until - buckets.since) / buckets.step <= points
    assert aligned(buckets.since, buckets.step)
    assert aligned(buckets.until, buckets.step)


@given(TIMES, LENGTHS, POINTS)
def test_buckets_of_a_minute_or_more_are_whole_minutes_so_that_rollups_fill_them(
    since: datetime, length: timedelta, points: int
) -> None:
    until = min(since + length, MAX_TIMESTAMP)
    if since >= until:
        return
    seconds = buckets_for(since, until, points).step.total_seconds()
    assert seconds < 60 or seconds % 60 == 0


@given(TIMES, POINTS)
def test_the_last_day_is_24_hours_that_end_with_the_bucket_of_now(now: datetime, points: int) -> None:
    buckets = buckets_for_last_day(now, points)
    assert buckets.until - buckets.since == timedelta(days=1)
    assert buckets.until - buckets.step < now <= buckets.until
    assert timedelta(days=1) / buckets.step <= points
    assert aligned(buckets.until, buckets.step)


def test_a_day_in_288_points_has_buckets_of_five_minutes() -> None:
    buckets = buckets_for_last_day(datetime(2026, 11, 23, 14, 2, 1, tzinfo=UTC), 288)
    assert buckets.step == timedelta(minutes=5)
    assert buckets.until == datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


def test_a_short_window_has_buckets_of_a_second() -> None:
    since = datetime(2026, 11, 23, 14, 0, 0, 500_000, tzinfo=UTC)
    assert buckets_for(since, since + timedelta(seconds=10), 288).step == timedelta(seconds=1)
