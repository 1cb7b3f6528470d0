"""The baseline, and how models are measured: held-out days, margins, coverage."""

import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.forecast.backtest import HORIZON, LEVEL, WINDOWS, Backtest, backtest, scale
from apps.forecast.history import DAY, WEEK, History
from apps.forecast.model import Model
from apps.forecast.naive import SEASONAL_NAIVE_DAY, seasonal_naive
from tests.apps.forecast.series import END, history_of

VALUES = st.floats(-1e6, 1e6)
ERRORS = st.lists(st.lists(VALUES, min_size=1, max_size=24).map(tuple), min_size=2, max_size=7).map(tuple)


@given(st.lists(VALUES, min_size=DAY, max_size=DAY), st.integers(2, 5), st.integers(1, 40))
def test_what_comes_again_each_day_is_forecast_exactly(day: list[float], days: int, hours: int) -> None:
    history = history_of(lambda hour: day[hour % DAY], days)
    assert seasonal_naive(history, hours, season=DAY) == [day[hour % DAY] for hour in range(hours)]


def test_an_hour_that_was_missing_is_taken_from_the_day_before_and_else_from_all() -> None:
    history = history_of(lambda hour: None if hour % DAY == 5 or hour == 24 else float(hour), 2)
    assert seasonal_naive(history, 1, season=DAY) == [0.0]
    assert seasonal_naive(history, 6, season=DAY)[5] == 23.0, "the median of what there is"


@given(st.data())
def test_a_model_never_sees_what_it_is_asked_for(data: st.DataObject) -> None:
    hours = data.draw(st.integers(WINDOWS * HORIZON + 1, WINDOWS * HORIZON + 100))
    history = History(END, tuple(map(float, range(hours))))
    ends: list[int] = []

    def watch(known: History, ahead: int) -> list[float]:
        assert known.values == history.values[: len(known.values)]
        ends.append(len(known.values))
        return list(history.values[len(known.values) : len(known.values) + ahead])  # type: ignore[arg-type]

    tested = backtest(Model("watching", "1", watch), history)
    assert ends == [hours - back * HORIZON for back in range(WINDOWS, 0, -1)]
    assert (tested.mean, tested.margin, tested.coverage) == (0, 0, 1)


@given(ERRORS)
def test_the_band_holds_at_least_its_part_of_the_errors_that_it_was_made_of(errors: tuple[tuple[float, ...]]) -> None:
    tested = Backtest(errors)
    distances = [abs(error) for day in errors for error in day]
    assert sum(distance <= tested.margin for distance in distances) >= math.floor(LEVEL * len(distances))
    assert 0 <= tested.coverage <= 1


def test_a_day_counts_against_a_band_that_the_other_days_made() -> None:
    quiet, wild = (1.0,) * DAY, (9.0,) * DAY
    assert Backtest((quiet,) * 7).coverage == 1
    assert Backtest((*(quiet,) * 6, wild)).coverage == pytest.approx(6 / 7)


def test_errors_count_in_what_a_day_changes() -> None:
    assert scale(history_of(lambda hour: 3.0 * (hour // DAY))) == 3
    assert scale(history_of(lambda _: 7.0)) is None


def test_days_without_readings_are_not_held_against_anybody() -> None:
    history = history_of(lambda hour: None if 35 * DAY - WEEK <= hour < 35 * DAY - 2 * DAY else float(hour % DAY))
    assert list(map(len, backtest(SEASONAL_NAIVE_DAY, history).errors)) == [DAY, DAY]
    silent = history_of(lambda hour: None if hour >= 35 * DAY - WEEK else 1.0)
    with pytest.raises(ValueError, match="fewer than two"):
        backtest(Model("naive", "1", partial(seasonal_naive, season=DAY)), silent)
