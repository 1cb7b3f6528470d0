"""Prophet has to earn each series."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.forecast.backtest import HORIZON, Backtest
from apps.forecast.choice import GAIN, MIN_HOURS, beats, choose, forecast
from apps.forecast.history import DAY, WEEK, History
from apps.forecast.model import Model
from tests.apps.forecast.series import END, NOW, history_of, random_walk, season_and_trend


def never(history: History, hours: int) -> list[float]:
    raise AssertionError("asked for nothing")


def failing(history: History, hours: int) -> list[float]:
    raise RuntimeError("did not converge")


def test_prophet_wins_where_a_day_comes_again_under_a_trend() -> None:
    history = season_and_trend(1)
    found = forecast(history, NOW)
    assert found is not None
    chosen = found.chosen
    assert (chosen.model, chosen.tested_at, found.first_hour) == ("prophet", NOW, END)
    assert chosen.mase is not None
    assert chosen.baseline_mase is not None
    assert chosen.mase < (1 - GAIN) * chosen.baseline_mase
    assert 0.7 <= chosen.coverage <= 0.9, "the band is made to hold 0.8"
    # What it is without its noise, hour by hour: the band is about as wide as that.
    sure = season_and_trend(2).values
    assert len(found.expected) == HORIZON
    assert abs(found.expected[0] - (sure[-DAY] or 0)) < 2
    assert 0.5 < chosen.margin < 1.5


def test_nobody_beats_the_baseline_where_nothing_can_be_known() -> None:
    chosen = choose(random_walk(1), NOW)
    assert chosen is not None
    assert chosen.model == "naive"
    assert chosen.mase == chosen.baseline_mase


def test_what_comes_again_each_week_is_not_asked_of_the_day_before() -> None:
    free = {5, 6}
    week = history_of(lambda hour: 1.0 if hour // DAY % 7 in free else 5.0 + hour % DAY)
    chosen = choose(week, NOW, Model("challenger", "1", never))
    assert chosen is not None
    assert (chosen.model, chosen.margin, chosen.coverage) == ("seasonal-naive-week", 0, 1)


def test_where_nothing_changes_there_is_no_error_to_count_in() -> None:
    chosen = choose(history_of(lambda _: 7.0), NOW, Model("challenger", "1", never))
    assert chosen is not None
    assert (chosen.model, chosen.mase) == ("naive", None)


def test_a_challenger_that_fails_leaves_the_baseline() -> None:
    chosen = choose(random_walk(3), NOW, Model("challenger", "1", failing))
    assert chosen is not None
    assert chosen.model == "naive"


DAYS = st.lists(st.floats(0.01, 100), min_size=7, max_size=7)


@given(DAYS, DAYS)
def test_a_challenger_is_clearly_better_over_all_and_on_most_days(new: list[float], old: list[float]) -> None:
    def tested(days: list[float]) -> Backtest:
        return Backtest(tuple((error,) for error in days))

    better = beats(tested(new), tested(old))
    assert better == (sum(new) < 0.95 * sum(old) and sum(a < b for a, b in zip(new, old, strict=True)) >= 5)
    assert not (better and beats(tested(old), tested(new)))
    assert not beats(tested(old), tested(old))


@pytest.mark.parametrize(
    "history",
    [
        history_of(lambda hour: float(hour), (MIN_HOURS - 1) // DAY),
        history_of(lambda hour: None if hour % 3 == 0 else float(hour)),
        History(END, ()),
    ],
    ids=["young", "a third is missing", "nothing"],
)
def test_too_little_history_has_no_forecast(history: History) -> None:
    assert forecast(history, NOW) is None


def test_a_model_that_was_chosen_lately_is_used_without_a_test() -> None:
    history = history_of(lambda hour: float(hour % DAY), 2 * WEEK // DAY)
    first = forecast(history, NOW)
    assert first is not None
    later = NOW + timedelta(hours=6)
    again = forecast(history, later, first.chosen._replace(model="seasonal-naive-week"))
    assert again is not None
    assert (again.chosen.model, again.chosen.tested_at) == ("seasonal-naive-week", NOW)
    for other in (first.chosen._replace(model_version="0"), first.chosen._replace(model="of a later release")):
        newer = forecast(history, later, other)
        assert newer is not None
        assert newer.chosen.tested_at == later, "another version is another model, and one that is gone is none"
