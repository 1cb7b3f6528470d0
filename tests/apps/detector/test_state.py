"""What was stored by an earlier release still loads, and goes on as if nothing had happened."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.state import SignalState, from_json, to_json

STORED = [
    json.loads(Path(__file__).with_name(name).read_text()) for name in ("stored_state.json", "stored_counter.json")
]
"""Rows of `detector_memory` as version 4 of the rarity model wrote them, points that come next, and the scores that the
code of that time (November 2026) gave them."""


@pytest.mark.parametrize("stored", STORED)
def test_a_stored_state_is_read_and_written_as_it_was(stored: dict[str, Any]) -> None:
    state = from_json(Rarity, json.dumps(stored["memory"]))
    assert (state.last_time, state.consecutive_normal) == (stored["memory"]["last"], stored["memory"]["calm"])
    assert json.loads(to_json(state)) == stored["memory"]


@pytest.mark.parametrize("stored", STORED)
def test_a_stored_state_scores_what_comes_next_as_the_code_that_wrote_it(stored: dict[str, Any]) -> None:
    assert Rarity.version == "4", "a new version starts afresh: store a new example with it"
    model = from_json(Rarity, json.dumps(stored["memory"])).model
    scores = [model.update(Point.of(time, value)) for time, value in stored["then"]]
    found = [[score.value, score.expected, score.is_normal] for score in scores]
    assert found == [pytest.approx(score) for score in stored["scores"]]
    assert len({score.value for score in scores}) > 2


@pytest.mark.parametrize(("seconds", "points", "hours"), [(300, 12, 24), (300, 287, 24), (1200, 30, 50)])
def test_while_a_model_learns_its_state_says_until_when(seconds: int, points: int, hours: float) -> None:
    state = SignalState(Rarity())
    state.learn(Point.of(seconds * index, index % 7) for index in range(points))
    assert json.loads(to_json(state))["learning_until"] == pytest.approx(hours * 3600, abs=seconds)


def test_a_model_that_has_learnt_says_so_by_saying_nothing() -> None:
    state = SignalState(Rarity())
    state.learn(Point.of(300 * index, index % 7) for index in range(300))
    assert "learning_until" not in json.loads(to_json(state))


def test_what_is_usual_is_told_once_a_day_was_seen_without_the_odd_ones() -> None:
    def stored(points: int, value: Callable[[int], float]) -> Any:
        state = SignalState(Rarity())
        state.learn(Point.of(300 * index, value(index)) for index in range(points))
        return json.loads(to_json(state)).get("usual")

    assert stored(200, lambda index: index % 7) is None, "it still learns"
    low, high = stored(600, lambda index: 500.0 if index == 550 else index % 7)
    assert (low, high) == pytest.approx((0, 6), abs=0.5)
    assert stored(600, float) is None, "a counter is new all the time"
