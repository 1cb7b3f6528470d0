"""What the rarity model is compared with: the z-score of a point within the window that holds it."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from apps.detector.models import Point, Score

WINDOW_POINTS = 60
"""A quarter of an hour at one scrape each 15 s."""

MIN_SPREAD = 1e-9


class ZScore:
    """Implements `Model`."""

    name: ClassVar[str] = "zscore-within"
    version: ClassVar[str] = "1"
    threshold: ClassVar[float] = 3.0

    def __init__(self) -> None:
        self._window: list[float] = []

    def update(self, point: Point) -> Score:
        """Score the next point, then learn from it."""
        if not math.isfinite(point.value):
            return Score(0.0, 0.0, point.value, is_normal=False)
        self._window = [*self._window[1 - WINDOW_POINTS :], point.value]
        count = len(self._window)
        mean = sum(self._window) / count
        spread = math.sqrt(sum((value - mean) ** 2 for value in self._window) / count)
        score = abs(point.value - mean) / max(spread, MIN_SPREAD) if count == WINDOW_POINTS else 0.0
        return Score(score, mean, point.value, is_normal=score < self.threshold)

    def usual(self, now: float) -> tuple[float, float] | None:  # noqa: ARG002 - as the protocol has it
        """Return nothing: it forgets too soon to tell."""
        return None

    def learning_until(self, now: float) -> float | None:  # noqa: ARG002 - as the protocol has it
        """Return None: it is never known how soon the window is full."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return all that the model knows, as JSON."""
        return {"window": self._window}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the model that had this state."""
        model = cls()
        model._window = list(state["window"])
        return model
