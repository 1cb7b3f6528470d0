"""The z-score rule's arithmetic, by hand and against numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.detector import zscore
from apps.detector.prometheus import TimeSeries
from apps.detector.signals import Direction

NOW = 1_750_000_000.0


def test_a_rise_is_measured_in_the_spread_of_the_minutes_before_it() -> None:
    before, after = [9.0, 10.0, 11.0] * 5, [12.0, 20.0, 28.0]
    result = zscore.compare(after, before, Direction.UP, 0.01)
    assert (result.expected, result.observed) == (10, 20)
    assert result.spread == pytest.approx(zscore.MAD_TO_SIGMA)
    assert result.score == pytest.approx(10 / zscore.MAD_TO_SIGMA)


@pytest.mark.parametrize(("direction", "score"), [(Direction.UP, -2), (Direction.DOWN, 2), (Direction.BOTH, 2)])
def test_a_fall_is_as_bad_as_the_signal_says(direction: Direction, score: float) -> None:
    assert zscore.compare([8.0] * 3, [10.0] * 12, direction, 1.0).score == score


def test_a_sample_at_the_border_belongs_to_the_older_side() -> None:
    ages = [*range(0, zscore.WINDOW_SECONDS + 1, zscore.STEP_SECONDS)]
    series = TimeSeries({}, tuple((NOW - age, float(age)) for age in reversed(ages)))
    result = zscore.evaluate(series, NOW, Direction.BOTH, 1.0)
    assert result is not None
    recent = [age for age in ages if age < zscore.RECENT_SECONDS]
    reference = [age for age in ages if zscore.RECENT_SECONDS <= age < zscore.WINDOW_SECONDS]
    assert (result.observed, result.expected) == (np.median(recent), np.median(reference))


values = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(recent=values, reference=values, floor=st.floats(1e-6, 1e6))
def test_medians_are_those_of_numpy(recent: list[float], reference: list[float], floor: float) -> None:
    expected, observed = float(np.median(reference)), float(np.median(recent))
    deviation = zscore.MAD_TO_SIGMA * float(np.median(np.abs(np.array(reference) - expected)))
    result = zscore.compare(recent, reference, Direction.BOTH, floor)
    assert (result.expected, result.observed) == (expected, observed)
    assert result.spread == max(deviation, zscore.MIN_RELATIVE_SPREAD * abs(expected), floor)
    assert result.score == abs(observed - expected) / result.spread
