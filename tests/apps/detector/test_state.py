"""What was stored by an earlier release still loads, and goes on as if nothing had happened."""

import json
from pathlib import Path

import pytest

from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.state import from_json, to_json

STORED = json.loads(Path(__file__).with_name("stored_state.json").read_text())
"""A row of `detector_memory` as version 2 of the rarity model wrote it, points that come next, and the scores that the
code of that time (November 2026) gave them."""


def test_a_stored_state_is_read_and_written_as_it_was() -> None:
    state = from_json(Rarity, json.dumps(STORED["memory"]))
    assert (state.last_time, state.consecutive_normal) == (STORED["memory"]["last"], STORED["memory"]["calm"])
    assert json.loads(to_json(state)) == STORED["memory"]


def test_a_stored_state_scores_what_comes_next_as_the_code_that_wrote_it() -> None:
    assert Rarity.version == "2", "a new version starts afresh: store a new example with it"
    model = from_json(Rarity, json.dumps(STORED["memory"])).model
    scores = [model.update(Point.of(time, value)) for time, value in STORED["then"]]
    found = [[score.value, score.expected, score.is_normal] for score in scores]
    assert found == [pytest.approx(score) for score in STORED["scores"]]
    assert len({score.value for score in scores}) > 2
