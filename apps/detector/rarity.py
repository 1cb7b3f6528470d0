"""The rarity model: a value is surprising when hardly anything like it was seen so far.

The score of a point is the logarithm of the number of points seen for each one near it. Two features are scored: the
value itself, which finds spikes, drops and odd values in between, and its exponentially weighted level, which finds
shifts and drifts that stay among known values. The rarer one counts. Near means within a few per cent of the range seen
so far, so no range has to be told.

Two things keep it from crying wolf. A point must be rarer than every recent one by a margin, so a fault alarms when it
begins, and again only when it gets worse. And each novelty makes the next ones count for less until it is forgotten: a
signal that is always good for a surprise has to surprise more.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from apps.detector.models import Point, Verdict

VALUE_TOLERANCE = 0.035
LEVEL_TOLERANCE = 0.06
"""How near is near, as a fraction of the range seen."""

YOUNG = 20.0
"""Outside of the range seen, near reaches farther by this over the square root of the number of points: a young signal
has new extremes all the time."""

MIN_TOLERANCE = 0.005
"""How near is near at the least, as a fraction of the value: a signal that moves less is constant."""

THIN_TAIL = 0.003
"""Share of the points that makes a tail. Spikes of all heights leave gaps there, and no such gap is news."""

LEVEL_WEIGHT = 0.15
"""Of a new value in the level."""

UNSEEN = 0.2
"""What counts for a value with nothing near it."""

WARM_UP_POINTS = 150
WARM_UP_SECONDS = 86_400
"""Until both are over nothing is rare: a signal has to show its day first."""

EARLY_POINTS = 12
EARLY_VALUES = 6
EARLY_RANGES = 2
"""Before that, after so many points and different values, what lies this many ranges outside of the range alarms."""

COOL_DOWN_BLOCKS = 12
BLOCK_POINTS = 50
COOL_DOWN_MARGIN = 0.05
"""Recent are the points of the last blocks; of each only the rarest is kept."""

NOVELTY = 4.0
"""A score that counts as a novelty."""

NOVELTY_WEIGHT = 0.5
"""How much novelties take from the next score, times the logarithm of their number."""

NOVELTY_HALF_LIFE = 4000
"""Points after which a novelty counts half."""

FAMILIAR = 4.0
"""A rarity below this is ordinary."""

MEMORY_POINTS = 30_000
"""When so many points were counted every count is halved, so that last year's values become rare again."""


class Rarity:
    """Implements `Model`."""

    name: ClassVar[str] = "rarity"
    version: ClassVar[str] = "1"
    alarm: ClassVar[float] = 6.2

    def __init__(self) -> None:
        self._points = 0
        self._first = 0.0
        self._level: float | None = None
        self._values = Seen(VALUE_TOLERANCE)
        self._levels = Seen(LEVEL_TOLERANCE)
        self._blocks = [0.0]
        self._novelties = 0.0

    def update(self, point: Point) -> Verdict:
        """Judge the next point and learn from it. One that is not finite is missing: it says and teaches nothing."""
        if not math.isfinite(point.low + point.value + point.high):
            return Verdict(0.0, self._level or 0.0, point.value, familiar=False)
        if self._level is None:
            self._first, self._level = point.time, point.value
        expected = self._level
        level = expected + LEVEL_WEIGHT * (point.value - expected)
        parts = (point.value,) if point.low == point.high else (point.low, point.value, point.high)
        near, observed = min((self._values.near(part), part) for part in parts)
        near = min(near, self._levels.near(level))
        rarity = math.log((self._values.weight + 1) / (near + UNSEEN))
        score = self._score(point.time, rarity, observed)

        for part in parts:
            self._values.add(part, 1 / len(parts))
        self._levels.add(level, 1.0)
        self._level = level
        self._points += 1
        return Verdict(score, expected, observed, familiar=rarity < FAMILIAR)

    def _score(self, time: float, rarity: float, observed: float) -> float:
        self._novelties *= 0.5 ** (1 / NOVELTY_HALF_LIFE)
        recent = max(self._blocks)
        if self._points % BLOCK_POINTS == 0:
            self._blocks = [*self._blocks[1 - COOL_DOWN_BLOCKS :], 0.0]
        self._blocks[-1] = max(self._blocks[-1], rarity)
        if self._points < WARM_UP_POINTS or time - self._first < WARM_UP_SECONDS:
            return self._early(observed)
        if rarity <= recent + COOL_DOWN_MARGIN:
            return 0.0
        score = rarity - NOVELTY_WEIGHT * math.log1p(self._novelties)
        if score > NOVELTY:
            self._novelties += 1
        return max(score, 0.0)

    def _early(self, observed: float) -> float:
        if self._points < EARLY_POINTS or len(self._values.places) < EARLY_VALUES:
            return 0.0
        outside = self._values.outside(observed)
        return self.alarm + math.log1p(outside) if outside > EARLY_RANGES else 0.0

    def memory(self) -> dict[str, Any]:
        """Return all that the model knows, as JSON, once it has seen a point."""
        return {
            "points": self._points,
            "first": self._first,
            "level": self._level,
            "values": self._values.memory(),
            "levels": self._levels.memory(),
            "blocks": self._blocks,
            "novelties": self._novelties,
        }

    @classmethod
    def recall(cls, memory: Mapping[str, Any]) -> Self:
        """Return the model that had this memory."""
        model = cls()
        model._points, model._first, model._level = memory["points"], memory["first"], memory["level"]
        model._values = Seen(VALUE_TOLERANCE, **memory["values"])
        model._levels = Seen(LEVEL_TOLERANCE, **memory["levels"])
        model._blocks, model._novelties = list(memory["blocks"]), memory["novelties"]
        return model


class Seen:
    """How often which values were seen: at most `CELLS` places on the line, each with a weight.

    A value within a quarter of the tolerance of a place counts there. Of too many places the two nearest become one.
    """

    CELLS = 50

    def __init__(
        self,
        tolerance: float,
        places: list[float] | None = None,
        weights: list[float] | None = None,
        low: float = 0.0,
        high: float = 0.0,
        weight: float = 0.0,
    ) -> None:
        self._tolerance = tolerance
        self.places: list[float] = list(places or [])
        self._weights: list[float] = list(weights or [])
        self._low, self._high = low, high
        self.weight = weight

    def near(self, value: float) -> float:
        """Return the weight of what was seen near `value`, and in a thin tail also of what lies beyond."""
        reach = max(self._tolerance * (self._high - self._low), MIN_TOLERANCE * abs(value), 1e-9)
        if self.places and not self._low <= value <= self._high:
            reach *= 1 + YOUNG / math.sqrt(self.weight)
        first = bisect_left(self.places, value - reach)
        last = bisect_right(self.places, value + reach, first)
        near = sum(self._weights[first:last])
        beyond = min(sum(self._weights[:first]), sum(self._weights[last:]))
        return near + beyond if beyond < THIN_TAIL * self.weight else near

    def outside(self, value: float) -> float:
        """Return how many ranges `value` lies outside of the range seen."""
        span = max(self._high - self._low, MIN_TOLERANCE * max(abs(self._low), abs(self._high)), 1e-9)
        return max(self._low - value, value - self._high, 0.0) / span

    def add(self, value: float, weight: float) -> None:
        """Count `value` with a weight."""
        places, weights = self.places, self._weights
        self.weight += weight
        self._low = min(self._low, value) if places else value
        self._high = max(self._high, value) if places else value
        at = bisect_left(places, value)
        if at and (at == len(places) or value - places[at - 1] <= places[at] - value):
            at -= 1
        if places and abs(places[at] - value) <= self._tolerance / 4 * (self._high - self._low):
            weights[at] += weight
        else:
            at = bisect_left(places, value)
            places.insert(at, value)
            weights.insert(at, weight)
            if len(places) > self.CELLS:
                self._merge()
        if self.weight >= MEMORY_POINTS:
            self._forget()

    def _merge(self) -> None:
        places, weights = self.places, self._weights
        at = min(range(len(places) - 1), key=lambda index: places[index + 1] - places[index])
        both = weights[at] + weights[at + 1]
        places[at : at + 2] = [(places[at] * weights[at] + places[at + 1] * weights[at + 1]) / both]
        weights[at : at + 2] = [both]

    def _forget(self) -> None:
        kept = [(place, weight / 2) for place, weight in zip(self.places, self._weights, strict=True) if weight >= 1]
        self.places, self._weights = [place for place, _ in kept], [weight for _, weight in kept]
        self._low, self._high = min(self.places), max(self.places)
        self.weight = sum(self._weights)

    def memory(self) -> dict[str, Any]:
        """Return the arguments of a copy, as JSON."""
        return {
            "places": self.places,
            "weights": self._weights,
            "low": self._low,
            "high": self._high,
            "weight": self.weight,
        }
