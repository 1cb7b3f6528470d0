"""NAB's scoring against cases computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.nab import nab
from bench.nab.archive import LabelledSeries
from bench.nab.nab import LOW_FALSE_NEGATIVES, LOW_FALSE_POSITIVES, STANDARD

ROWS = 200  # a probation of 30


def series(*windows: tuple[int, int], rows: int = ROWS) -> LabelledSeries:
    return LabelledSeries(
        "category/file.csv", np.arange(rows, dtype=np.float64) * np.float64(300), np.zeros(rows), windows
    )


def detections(*rows: int, score: float = 1.0) -> nab.Floats:
    scores = np.zeros(ROWS)
    scores[list(rows)] = score
    return scores


def sigmoid(position: float) -> float:
    return 2 / (1 + math.exp(5 * position)) - 1


def at(labelled: LabelledSeries, scores: nab.Floats, profile: nab.Profile = STANDARD) -> float:
    return nab.at([nab.rate(labelled)], [scores], profile, 0.5)


def test_the_probation_is_15_percent_and_at_most_750_rows() -> None:
    assert [nab.probation_rows(rows) for rows in (10, 200, 4032, 5000, 22_695)] == [1, 30, 604, 750, 750]


def test_never_alerting_scores_0_and_the_start_of_every_window_100() -> None:
    labelled = series((50, 69), (100, 119))
    for profile in nab.PROFILES:
        assert at(labelled, detections(), profile) == 0
        assert at(labelled, detections(50, 100), profile) == pytest.approx(100)


def test_a_detection_is_worth_less_the_later_in_its_window() -> None:
    labelled = series((50, 69))
    worth = sigmoid(-10 / 20) / sigmoid(-1)  # row 60: 10 of 20 rows are left
    assert at(labelled, detections(60)) == pytest.approx(100 * (worth + 1) / 2)
    last = sigmoid(-1 / 20) / sigmoid(-1)
    assert at(labelled, detections(69)) == pytest.approx(100 * (last + 1) / 2)


def test_only_the_first_detection_in_a_window_counts() -> None:
    labelled = series((50, 69))
    assert at(labelled, detections(55, 60, 69)) == at(labelled, detections(55))


def test_a_false_alarm_before_any_window_costs_its_full_weight() -> None:
    labelled = series((50, 69))
    assert at(labelled, detections(40)) == pytest.approx(-100 * 0.11 / 2)
    assert at(labelled, detections(40), LOW_FALSE_POSITIVES) == pytest.approx(-100 * 0.22 / 2)
    assert at(labelled, detections(40), LOW_FALSE_NEGATIVES) == pytest.approx(-100 * 0.11 / 3)


def test_a_false_alarm_just_behind_a_window_costs_little_and_far_behind_all() -> None:
    labelled = series((50, 69))
    assert at(labelled, detections(70)) == pytest.approx(100 * 0.11 * sigmoid(1 / 19) / 2)
    assert at(labelled, detections(190)) == pytest.approx(-100 * 0.11 / 2)


def test_every_false_alarm_costs() -> None:
    labelled = series((50, 69))
    assert at(labelled, detections(35, 36, 37)) == pytest.approx(-3 * 100 * 0.11 / 2)


def test_the_probation_neither_costs_nor_earns() -> None:
    assert at(series((50, 69)), detections(5, 29)) == 0
    assert at(series((20, 39)), detections(25)) == 0
    assert at(series((20, 39)), detections(30)) > 0


def test_one_threshold_serves_all_files_best() -> None:
    first, second = nab.rate(series((50, 69))), nab.rate(series((100, 119)))
    scores = [detections(50, score=3) + detections(40, score=2), detections(100, score=2) + detections(150, score=1)]
    result = nab.best([first, second], scores, STANDARD)
    assert result.threshold == 2
    assert result.score == pytest.approx(100 * (4 - 0.11) / 4)
    assert nab.at([first, second], scores, STANDARD, 2) == pytest.approx(result.score)


def test_never_alerting_is_best_when_every_detection_is_false() -> None:
    result = nab.best([nab.rate(series((50, 69)))], [detections(40, 190)], STANDARD)
    assert (result.threshold, result.score) == (math.inf, 0)


@given(
    scores=st.lists(st.sampled_from([0, 1, 2, 3, 4, 5]), min_size=ROWS, max_size=ROWS),
    window=st.tuples(st.integers(0, 150), st.integers(1, 40)),
)
def test_the_best_threshold_is_no_worse_than_any_other(scores: list[int], window: tuple[int, int]) -> None:
    rated = [nab.rate(series((window[0], window[0] + window[1])))]
    found = np.array(scores, dtype=float)
    best = nab.best(rated, [found], STANDARD)
    assert best.score == pytest.approx(
        max(0.0, *(nab.at(rated, [found], STANDARD, threshold) for threshold in (1, 2, 3, 4, 5)))
    )


@given(
    rows=st.lists(st.integers(0, ROWS - 1), max_size=30, unique=True),
    windows=st.sampled_from([(), ((50, 69),), ((20, 39), (100, 119)), ((31, 31), (60, 80), (180, 199))]),
    profile=st.sampled_from(nab.PROFILES),
)
def test_agrees_with_scoring_row_by_row(
    rows: list[int], windows: tuple[tuple[int, int], ...], profile: nab.Profile
) -> None:
    """The same rules once more, told as a walk along the rows."""
    total = 0.0
    best: dict[int, float] = {}
    for row in range(nab.probation_rows(ROWS), ROWS):
        inside = next((number for number, (first, last) in enumerate(windows) if first <= row <= last), None)
        if inside is not None:
            first, last = windows[inside]
            best.setdefault(inside, -profile.false_negative)
            if row in rows:
                worth = sigmoid(-(last - row + 1) / (last - first + 1)) / sigmoid(-1) * profile.true_positive
                best[inside] = max(best[inside], worth)
        elif row in rows:
            behind = [(first, last) for first, last in windows if last < row]
            position = (row - behind[-1][1]) / max(behind[-1][1] - behind[-1][0], 1) if behind else 3.0
            total += profile.false_positive * (-1.0 if position >= 3 else sigmoid(position))
    raw = total + sum(best.values())
    never = -profile.false_negative * len(best)
    perfect = profile.true_positive * len(best)
    expected = 100 * (raw - never) / (perfect - never) if best else 0.0
    assert at(series(*windows), detections(*rows), profile) == pytest.approx(expected)
