"""Queries are written with metric objects and come out as exact PromQL."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Counter, Gauge, Histogram

from apps.platform.promql import (
    RATE_INTERVAL,
    Matches,
    NotMatches,
    absent,
    age,
    at_most,
    clamp_min,
    decimal,
    duration,
    histogram_count,
    histogram_quantile,
    histogram_sum,
    max_,
    rate,
    sample_names,
    sum_,
    value,
)

REQUESTS = Counter("requests_total", "Requests.", ["route", "status"], registry=None)
LAG = Gauge("lag_seconds", "Lag.", ["shard"], registry=None)
SECONDS = Histogram("seconds", "Time.", ["route"], buckets=(0.1, 0.2, 5), registry=None)
MINUTE = timedelta(minutes=1)


def test_a_counter_is_read_under_the_name_that_it_exposes() -> None:
    assert str(rate(REQUESTS, MINUTE)) == "rate(requests_total[1m])"
    assert sample_names(REQUESTS) == ("requests_total",)


def test_a_histogram_is_read_through_its_parts() -> None:
    assert str(rate(histogram_count(SECONDS), MINUTE)) == "rate(seconds_count[1m])"
    assert str(rate(histogram_sum(SECONDS), RATE_INTERVAL)) == "rate(seconds_sum[$__rate_interval])"
    assert str(rate(at_most(SECONDS, 5), MINUTE, route="/a")) == 'rate(seconds_bucket{route="/a",le="5.0"}[1m])'
    assert sample_names(SECONDS) == ("seconds_bucket", "seconds_count", "seconds_sum")
    with pytest.raises(TypeError, match="is a histogram"):
        value(SECONDS)


def test_a_quantile_sums_the_buckets_first() -> None:
    text = 'histogram_quantile(0.95, sum by (le, route) (rate(seconds_bucket{route!~"/h|/r"}[5m])))'
    assert (
        str(histogram_quantile(Fraction(95, 100), SECONDS, 5 * MINUTE, by=("route",), route=NotMatches("/h|/r")))
        == text
    )


def test_only_a_bucket_that_exists_can_be_asked_for() -> None:
    with pytest.raises(ValueError, match=r"seconds has no bucket that ends at 0.3"):
        at_most(SECONDS, Fraction(3, 10))


def test_a_label_that_the_metric_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="requests has no label method"):
        rate(REQUESTS, MINUTE, method="GET")
    with pytest.raises(ValueError, match="lag_seconds has no label stream"):
        max_(value(LAG), by=("stream",))
    assert str(max_(value(LAG), by=("job",))) == "max by (job) (lag_seconds)"


def test_a_gauge_has_no_rate() -> None:
    with pytest.raises(TypeError, match="neither a counter"):
        rate(LAG, MINUTE)  # type: ignore[arg-type]  # what a type checker refuses is refused at run time too


def test_quotes_and_backslashes_in_a_label_are_escaped() -> None:
    assert str(value(LAG, shard='a"\\b')) == 'lag_seconds{shard="a\\"\\\\b"}'
    assert str(value(LAG, shard=Matches(r"\d+"))) == 'lag_seconds{shard=~"\\\\d+"}'


def test_parentheses_keep_the_meaning_and_no_more_are_written() -> None:
    a, b, c = (value(LAG, shard=name) for name in "abc")
    (x, y, z) = (str(e) for e in (a, b, c))
    assert str(a - (b - c)) == f"{x} - ({y} - {z})"
    assert str(a - b - c) == f"{x} - {y} - {z}"
    assert str((a + b) * c) == f"({x} + {y}) * {z}"
    assert str(1 - a / b > Fraction(1, 1000)) == f"1 - {x} / {y} > 0.001"
    assert str((a > 1) & (b < 2) | c.is_equal(1)) == f"{x} > 1 and {y} < 2 or {z} == 1"
    assert str(a & (b | c)) == f"{x} and ({y} or {z})"


def test_an_expression_knows_the_metrics_that_it_reads() -> None:
    expression = (
        absent(sum_(rate(REQUESTS, MINUTE)))
        | clamp_min(value(LAG), 0)
        | histogram_quantile(Fraction(1, 2), SECONDS, MINUTE)
    )
    assert expression.metrics == {REQUESTS, LAG, SECONDS}
    assert age(LAG).metrics == {LAG}


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (timedelta(seconds=15), "15s"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=3), "3d"),
        (timedelta(days=1, seconds=1), "1d1s"),
    ],
)
def test_a_duration_is_written_as_prometheus_writes_it(window: timedelta, text: str) -> None:
    assert duration(window) == text


def test_a_window_shorter_than_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of seconds"):
        duration(timedelta(milliseconds=1500))


@given(st.integers(-(10**12), 10**12), st.integers(0, 12))
def test_a_fraction_comes_out_as_the_exact_decimal(digits: int, decimals: int) -> None:
    assert Fraction(decimal(Fraction(digits, 10**decimals))) == Fraction(digits, 10**decimals)


def test_what_a_float_would_blur_stays_exact() -> None:
    assert decimal(Fraction(144, 10) * Fraction(1, 1000)) == "0.0144"
    with pytest.raises(ValueError, match="not an exact decimal"):
        decimal(Fraction(1, 3))
