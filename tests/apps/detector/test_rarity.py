"""Properties of the rarity model."""

import json
import math
import random
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.detector import histogram, rarity
from apps.detector.baseline import ZScore
from apps.detector.histogram import StreamingHistogram
from apps.detector.models import Model, Point
from apps.detector.rarity import Rarity

FIVE_MINUTES = 300.0


def points(values: list[float], start: float = 0) -> list[Point]:
    return [Point.of(start + FIVE_MINUTES * index, value) for index, value in enumerate(values)]


def scores(values: list[float], model: Model | None = None) -> list[float]:
    model = model or Rarity()
    return [model.update(point).value for point in points(values)]


def daily(days: float, seed: int = 1, amplitude: float = 5, noise: float = 0.5) -> list[float]:
    """A day's cycle with noise, every five minutes."""
    source = random.Random(seed)
    return [
        20 + amplitude * math.sin(2 * math.pi * index / 288) + source.gauss(0, noise)
        for index in range(int(288 * days))
    ]


def detections(found: list[float]) -> list[int]:
    return [index for index, score in enumerate(found) if score >= Rarity.threshold]


values = st.lists(
    st.floats(-1e6, 1e6) | st.sampled_from([0.0, 20.0, 20.5, 21.0, 5e8]) | st.just(math.nan), min_size=1, max_size=250
)


@pytest.mark.parametrize("kind", [Rarity, ZScore])
@settings(max_examples=50, deadline=None)
@given(values=values, cuts=st.lists(st.integers(0, 250), max_size=5))
def test_many_runs_give_the_scores_of_one_run(kind: type[Model], values: list[float], cuts: list[int]) -> None:
    single_run = scores(values, kind())
    model, pieces = kind(), []
    for index, point in enumerate(points(values)):
        if index in cuts and index:
            model = kind.from_state(json.loads(json.dumps(model.state_dict(), allow_nan=False)))
        pieces.append(model.update(point).value)
    assert pieces == single_run


def test_a_run_for_each_point_finds_what_one_run_finds() -> None:
    eventful = daily(6)
    for row, jump in ((700, 30), (1000, -40), (1001, -40), (1700, 90)):
        eventful[row] += jump
    model, pieces = Rarity(), []
    for point in points(eventful):
        pieces.append(model.update(point).value)
        model = Rarity.from_state(json.loads(json.dumps(model.state_dict())))
    assert pieces == scores(eventful)
    assert len(detections(pieces)) >= 2


@settings(max_examples=50, deadline=None)
@given(values=values, more=values)
def test_no_later_point_changes_a_score(values: list[float], more: list[float]) -> None:
    assert scores(values + more)[: len(values)] == scores(values)


def test_the_state_stays_as_small_however_long_it_watches() -> None:
    model, source = Rarity(), random.Random(2)
    sizes = []
    for index in range(6000):
        value = source.lognormvariate(0, 3)
        model.update(Point(index, value, value / 2, value * 2))
        if index % 1000 == 999:
            sizes.append(len(json.dumps(model.state_dict())))
    state = model.state_dict()
    assert len(state["values"]["places"]) <= histogram.MAX_BINS
    assert len(state["levels"]["places"]) <= histogram.MAX_BINS
    assert len(state["slow_levels"]["places"]) <= histogram.MAX_BINS
    assert len(state["blocks"]) <= rarity.COOL_DOWN_BLOCKS
    assert len(state["counter"]["rates"]["places"]) <= histogram.MAX_BINS
    assert max(sizes) < 12_000


@settings(max_examples=20, deadline=None)
@given(value=st.floats(-1e9, 1e9))
def test_a_constant_signal_is_never_detected(value: float) -> None:
    assert not any(scores([value] * 600))


def test_an_ordinary_week_has_no_detections() -> None:
    assert detections(scores(daily(7))) == []


def test_missing_values_are_no_anomaly_and_teach_nothing() -> None:
    ordinary = points(daily(4))
    model, known = Rarity(), []
    for point in ordinary:
        known.append(model.update(point).value)
        assert model.update(Point.of(point.time + 60, math.nan)).value == 0
    complete = Rarity()
    assert known == [complete.update(point).value for point in ordinary]


def test_a_silence_of_days_is_no_anomaly() -> None:
    model, week = Rarity(), daily(8)
    found = [model.update(point).value for point in points(week[: 288 * 5])]
    found += [model.update(point).value for point in points(week[288 * 5 :], start=20 * 86_400)]
    assert detections(found) == []


@pytest.mark.parametrize("shift", [15, -15])
def test_a_sustained_shift_is_detected_with_its_first_point_and_then_is_quiet(shift: float) -> None:
    week = daily(5)
    found = detections(scores(week + [value + shift for value in daily(1, seed=3)]))
    assert found[0] == len(week)
    assert len(found) <= 3


def test_a_shift_within_known_values_is_found_by_the_level() -> None:
    spread_out = [float(index * 7 % 11) for index in range(1500)]
    stuck_high = [8.0 + index % 3 for index in range(60)]
    found = detections(scores(spread_out + stuck_high))
    assert len(spread_out) <= found[0] < len(spread_out) + 30


def test_an_odd_value_between_two_known_levels_is_found() -> None:
    two_levels = [0.0 if index // 100 % 2 else 100.0 for index in range(1400)]
    assert detections(scores([*two_levels, 50.0]))[-1] == 1400


@pytest.mark.parametrize("false", [3.4e38, -1.7e38, 1e300, -1e300, 4.3e9, 65_535, -127, 85])
@pytest.mark.parametrize("hours", [2, 24, 72])
def test_one_false_value_hides_no_fault_that_comes_hours_later(false: float, hours: int) -> None:
    ordinary, fault = daily(14 + hours / 24, amplitude=2, noise=0.2), [90.0] * 12
    cut, model = 14 * 288, Rarity()
    assert detections(scores([*ordinary[:cut], false], model)) == [cut]
    rest = [model.update(point) for point in points([*ordinary[cut:], *fault], FIVE_MINUTES * (cut + 1))]
    found = detections([score.value for score in rest])
    assert found
    assert all(index >= len(ordinary) - cut for index in found)
    assert all(15 < score.expected < 30 for score in rest[: len(ordinary) - cut])


@settings(max_examples=8, deadline=None)
@given(
    false=st.just(0.0) | st.floats(-1e300, 1e300),
    hours=st.floats(1.5, 72),
    amplitude=st.sampled_from([1.0, 2.0, 5.0, 8.0]),
    seed=st.integers(0, 100),
)
def test_one_false_value_of_any_size_costs_one_alarm_and_hides_no_fault(
    false: float, hours: float, amplitude: float, seed: int
) -> None:
    ordinary, cut = daily(14 + hours / 24, seed, amplitude, noise=0.2), 14 * 288
    found = scores([*ordinary[:cut], false, *ordinary[cut:], *[90.0] * 12])
    # What a signal does by itself within these hours, and what it does because of the false value.
    by_itself = sum(score >= Rarity.threshold for score in scores(ordinary)[cut:])
    assert any(score >= Rarity.threshold for score in found[len(ordinary) + 1 :])
    assert sum(score >= Rarity.threshold for score in found[cut + 1 : len(ordinary) + 1]) <= by_itself + 1


@settings(max_examples=8, deadline=None)
@given(
    false=st.sampled_from([3.4e38, -1e300, 1e9, 65_535.0, -50_000.0]),
    count=st.integers(1, 6),
    first=st.integers(0, 11),
    days=st.floats(1.2, 5),
    seed=st.integers(0, 100),
)
def test_garbage_among_the_first_values_bends_nothing(
    false: float, count: int, first: int, days: float, seed: int
) -> None:
    ordinary = daily(days, seed, amplitude=2, noise=0.2)
    model = Rarity()
    given = [*ordinary[:first], *[false] * count, *ordinary[first + count :], *[90.0] * 12]
    found = [model.update(point) for point in points(given)]
    assert detections([score.value for score in found])[-1] >= len(ordinary)
    assert all(10 < score.expected < 30 for score in found[first + count + 12 : len(ordinary)])


def counter(
    days: float, restarts: Collection[int] = (), start: float = 0, step: float = 1, seed: int = 1
) -> list[float]:
    """A meter, read every five minutes, which begins at 0 again in some rows."""
    source, total, read = random.Random(seed), start, []
    for index in range(int(288 * days)):
        total = step * source.uniform(0.5, 1.5) + (0 if index in restarts else total)
        read.append(total)
    return read


@settings(max_examples=8, deadline=None)
@given(
    restarts=st.sets(st.integers(150, 1140).map(lambda number: 3 * number), max_size=15),
    start=st.sampled_from([0.0, 100.0, 48_000.0, 1e9]),
    step=st.sampled_from([0.01, 1.0, 500.0]),
    seed=st.integers(0, 100),
)
def test_a_counter_may_restart_and_a_leak_is_found_all_the_same(
    restarts: set[int], start: float, step: float, seed: int
) -> None:
    read = counter(12, restarts, start, step, seed)
    model = Rarity()
    found = [model.update(point) for point in points(read)]
    assert detections([score.value for score in found]) == []
    for row in range(450, len(read)):
        if row not in restarts:
            assert found[row].expected == pytest.approx(read[row], abs=2 * step)
    leak = points([read[-1] + 40 * step * (index + 1) for index in range(3)], FIVE_MINUTES * len(read))
    assert model.update(leak[0]).value >= Rarity.threshold


def test_a_counter_may_restart_again_before_it_holds_much() -> None:
    assert detections(scores(counter(12, {450, 453, 454}, start=100, step=0.01, seed=0))) == []


def test_a_counter_that_skips_hours_is_judged_by_how_quickly_it_grew() -> None:
    read = points(counter(12))
    model = Rarity()
    found = [model.update(point).value for point in read if not 2000 < point.time / FIVE_MINUTES < 2072]
    assert detections(found) == []


@pytest.mark.parametrize(("false", "row"), [(3.4e38, 0), (-127.0, 1), (0.0, 1), (65_535_000.0, 0)])
def test_one_false_value_bends_no_counter(false: float, row: int) -> None:
    read = counter(14, [1000, 3000], start=48_000)
    cut = 288 * 13
    leak = [read[-1] + 40 * (index + 1) for index in range(12)]
    found = detections(scores([*read[:cut], false, *read[cut:], *leak]))
    assert found[:-1] == [cut + row]
    assert found[-1] > len(read)


def test_what_rises_and_falls_as_it_likes_is_no_counter() -> None:
    model = Rarity()
    for point in points(daily(7)):
        model.update(point)
    assert model.state_dict()["counter"]["rates"]["weight"] == 0


def test_nothing_is_rare_before_a_day_was_seen() -> None:
    climbing = [20 + index / 20 for index in range(280)]
    assert not any(scores(climbing))


def test_what_lies_far_outside_is_detected_even_early() -> None:
    early = daily(0.1)
    assert detections(scores([*early, 500.0])) == [len(early)]


def test_a_jump_between_few_known_values_is_no_early_detection() -> None:
    assert not any(scores([0.0] * 40 + [1.0] * 40))


def test_a_signal_that_always_surprises_has_to_surprise_more() -> None:
    week = daily(6)
    single, many = list(week), list(week)
    for index in range(5):
        many[400 + 200 * index] += 20 * (index + 1)
    first, last = scores([*single, 400.0])[-1], scores([*many, 400.0])[-1]
    assert first > last > 0


def test_what_is_odd_at_an_odd_time_counts_more_than_what_comes_alone() -> None:
    days, spike = daily(6), 60.0
    never_so_long = [24.5] * 150
    alone, backed = scores([*days, spike]), scores([*days, *never_so_long, spike])
    assert detections(backed)[-1:] == [len(backed) - 1], "long, but of known values: nothing before the spike"
    assert backed[-1] > alone[-1] + 0.2


def test_one_bad_sample_within_a_point_is_seen() -> None:
    model = Rarity()
    for point in points(daily(4)):
        model.update(Point(point.time, point.value, point.value - 1, point.value + 1))
    score = model.update(Point(4 * 86_400, 20.0, 19.0, 90.0))
    assert score.value >= Rarity.threshold
    assert score.observed == 90


@settings(max_examples=20, deadline=None)
@given(factor=st.sampled_from([2.0**-20, 0.25, 2.0, 2.0**20]), seed=st.integers(0, 20))
def test_the_unit_makes_no_difference(factor: float, seed: int) -> None:
    week = [*daily(3, seed), 60.0]
    assert scores([value * factor for value in week]) == pytest.approx(scores(week))


def test_counts_that_were_halved_forget_what_was_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "MAX_WEIGHT", 100)
    seen = StreamingHistogram(0.05)
    seen.add(1000.0, 0.9)
    for index in range(100):
        seen.add(float(index % 10), 1.0)
    assert seen.mass_near(1000.0) == 0
    assert seen.range_exceedance(20.0) > 1
    assert seen.weight < 100


def test_in_a_thin_tail_what_lies_beyond_counts_as_near_but_not_between_two_levels() -> None:
    tail, levels = StreamingHistogram(0.035), StreamingHistogram(0.035)
    for index in range(1000):
        tail.add(index % 10 / 10, 1.0)
        levels.add(100.0 * (index % 2), 1.0)
    for spike in (90.0, 95.0, 100.0):
        tail.add(spike, 1.0)
    assert tail.mass_near(60.0) == 3
    assert tail.mass_near(150.0) == 0
    assert levels.mass_near(60.0) == 0


def test_a_young_signal_may_reach_a_little_beyond_its_range() -> None:
    young, old = StreamingHistogram(0.035), StreamingHistogram(0.035)
    for index in range(101):
        young.add(index / 100, 1.0)
        old.add(index / 100, 100.0)
    assert young.mass_near(1.08) > 0
    assert old.mass_near(1.08) == 0


def test_what_comes_more_often_has_to_be_rarer() -> None:
    model, past = Rarity(), points(daily(4))
    for point in past:
        model.update(point)
    assert model.state_dict()["log_interval"] == pytest.approx(math.log(FIVE_MINUTES))

    def score(interval: float, silence: float = 0) -> float:
        at = Rarity.from_state(model.state_dict() | {"log_interval": math.log(interval)})
        return at.update(Point.of(past[-1].time + silence + interval, 60.0)).value

    usual = score(rarity.REFERENCE_SECONDS)
    assert score(3600) == pytest.approx(usual + rarity.FREQUENCY_PENALTY * math.log(12))
    assert score(60) == pytest.approx(usual - rarity.FREQUENCY_PENALTY * math.log(5))
    assert score(rarity.REFERENCE_SECONDS, silence=50 * 86_400) == pytest.approx(usual, abs=0.1)
