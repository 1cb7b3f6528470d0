from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.simulator.fleet import Key, Sample
from apps.simulator.stats import Latencies, Stats

START = datetime(2026, 11, 1, tzinfo=UTC)


def sample(at: int, kind: Literal["fresh", "duplicate", "malformed"] = "fresh") -> Sample:
    ts = START + timedelta(seconds=at)
    return Sample(ts, ts, b"", kind, None if kind == "malformed" else Key("m", ts))


def refusing(*indexes: int) -> dict[int, str]:
    return dict.fromkeys(indexes, "why")


def test_accepted_readings_are_distinct_unless_they_repeat_one() -> None:
    stats = Stats()
    stats.answered("d", [sample(1), sample(2), sample(1, "duplicate"), sample(0, "malformed")], refusing(3), 0.1)
    assert (stats.accepted, stats.refused, stats.distinct) == (3, 1, 2)
    assert not stats.errors


def test_a_repetition_counts_as_distinct_when_the_first_was_not_taken() -> None:
    stats = Stats()
    stats.rejected("d", [sample(1), sample(2)], "400")
    stats.answered("d", [sample(1, "duplicate"), sample(1, "duplicate")], refusing(), 0.1)
    stats.answered("another", [sample(2, "duplicate")], refusing(), 0.1)
    assert (stats.refused, stats.accepted, stats.distinct) == (2, 3, 1)


def test_a_valid_reading_that_is_refused_is_an_error_and_may_still_come() -> None:
    stats = Stats()
    stats.answered("d", [sample(1)], refusing(0), 0.1)
    assert stats.errors == {"valid reading refused: why": 1}
    stats.answered("d", [sample(1, "duplicate")], refusing(), 0.1)
    assert stats.distinct == 1


def test_a_second_value_for_a_time_may_be_refused_and_counts_nothing() -> None:
    stats = Stats()
    ts = START + timedelta(seconds=1)
    conflict = Sample(ts, ts, b"", "conflict", Key("m", ts))
    stats.answered("d", [sample(1), conflict], refusing(1), 0.1)
    stats.answered("d", [conflict], refusing(), 0.1)
    assert (stats.distinct, stats.accepted, stats.refused) == (1, 2, 1)
    assert not stats.errors


def test_a_malformed_reading_that_is_accepted_is_an_error_and_not_distinct() -> None:
    stats = Stats()
    stats.answered("d", [sample(1, "malformed")], refusing(), 0.1)
    assert (stats.accepted, stats.distinct) == (1, 0)
    assert stats.errors == {"malformed reading accepted": 1}


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentiles_are_those_of_the_sorted_values_to_2_percent(values: list[float], share: int) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    exact = sorted(values)[-(-len(values) * share // 100) - 1]
    assert latencies.percentile(share) == pytest.approx(exact, rel=0.021, abs=1e-6)


def test_without_a_value_there_is_no_percentile() -> None:
    assert Latencies().percentile(99) is None
