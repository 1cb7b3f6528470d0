"""Bent copies keep their faults, and the windows around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.nab.archive import LabelledSeries
from bench.nab.deformed import COPIES, beheaded, every_second_row, mean_of_two, spliced, time_warped, twice_as_often

FAULT = 1000.0


def series(rows: int, first: int, last: int) -> LabelledSeries:
    """A cycle with a fault in each row of its one window."""
    values = np.sin(np.arange(rows) / 9)
    values[first : last + 1] = FAULT
    return LabelledSeries("made/one.csv", np.arange(rows, dtype=np.float64) * np.float64(300), values, ((first, last),))


@pytest.mark.parametrize("name", COPIES)
@given(first=st.integers(20, 150), width=st.integers(6, 40))
def test_a_window_of_a_copy_holds_the_fault_and_hardly_more(name: str, first: int, width: int) -> None:
    original = series(200, first, first + width - 1)
    copy = COPIES[name](original)
    assert len(copy.times) == len(copy.values)
    assert (np.diff(copy.times) > 0).all()
    ((start, end),) = copy.windows
    odd = np.flatnonzero(np.abs(copy.values - np.median(copy.values)) > np.abs(copy.values).max() / 2.5)
    assert abs(start - odd[0]) <= 2
    assert abs(end - odd[-1]) <= 2


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_each_time_and_leaves_the_series_alone(name: str) -> None:
    original = series(200, 120, 140)
    before = original.values.copy()
    first, second = COPIES[name](original), COPIES[name](original)
    assert (first.values == second.values).all()
    assert (original.values == before).all()


def test_copies_are_of_the_lengths_that_their_names_say() -> None:
    original = series(200, 100, 120)
    assert [len(bend(original).times) for bend in (every_second_row, mean_of_two, twice_as_often)] == [100, 100, 399]
    assert [len(bend(original).times) for bend in (spliced, beheaded)] == [300, 150]
    steps = np.diff(time_warped(original).times)
    assert set(steps.tolist()) == {300.0}


def test_a_series_without_a_fault_stays_without() -> None:
    quiet = LabelledSeries(
        "made/quiet.csv", np.arange(200, dtype=np.float64) * np.float64(300), np.sin(np.arange(200) / 9), ()
    )
    assert [bend(quiet).windows for bend in COPIES.values()] == [()] * len(COPIES)
