"""The rarity model: a value is surprising when hardly anything like it was seen so far.

Two features of a signal are scored, and the rarer one counts: the value itself, which finds spikes, drops and odd
values in between, and its level, which finds shifts and drifts that stay among known values.

Published:

- The level is an exponentially weighted moving average, z_t = z_{t-1} + λ (x_t - z_{t-1}) with λ = `EWMA_ALPHA` and
  z_0 = x_0 (Roberts, "Control Chart Tests Based on Geometric Moving Averages", Technometrics 1, 1959). Its control
  limits are not used: a histogram of the levels seen takes their place.
- Each feature has a streaming histogram (Ben-Haim and Tom-Tov 2010: `apps.detector.histogram`).
- Rarity is the logarithm of one over the feature's share in its histogram, as in the histogram-based outlier score,
  HBOS(x) = Σ log(1 / hist_i(x)) (Goldstein and Dengel, KI 2012), which is the surprisal -log p of information theory:

      rarity = log((W + 1) / (n + ε))

  with W the weight of all points seen, n the weight near the value (`mass_near`), and ε = `PSEUDO_COUNT` so that
  nothing near is not infinitely rare (additive smoothing).

Ours:

- The rarest feature and not the sum of all: max instead of Σ, so that an ordinary feature takes nothing from an odd
  one.
- n is counted within a bandwidth around the value, wider outside of a young signal's range, and in a thin tail with
  all that lies beyond it, instead of in a fixed bin.
- Cool-down: a point scores only when it is rarer, by `COOL_DOWN_MARGIN`, than the maxima of the last
  `COOL_DOWN_BLOCKS` blocks. So a fault is detected when it begins, and again only when it gets worse. A value that is
  far off (`FAR_RANGES`) cools down `FAR_COOL_DOWN_POINTS` points only, and moves the level by a range at most: a
  register that is read in the wrong order must not hide the fault that comes after it.
- Habit: score = rarity - `NOVELTY_PENALTY` · log(1 + N), where N counts the scores above `NOVELTY_THRESHOLD` and
  decays by half in `NOVELTY_HALF_LIFE` points. A signal that is always good for a surprise has to surprise more.
- Warm-up: before a day was seen only what lies far outside of the range is a detection.

All constants were chosen on labelled series (docs/adr/0014-a-rarity-model-of-our-own.md).
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from apps.detector.histogram import FAR_RANGES, StreamingHistogram
from apps.detector.models import Point, Score

VALUE_BANDWIDTH = 0.035
LEVEL_BANDWIDTH = 0.06
"""How near is near, as a fraction of the range seen."""

EWMA_ALPHA = 0.15
"""Weight of a new value in the level."""

PSEUDO_COUNT = 0.2
"""What counts for a value with nothing near it."""

WARM_UP_POINTS = 150
WARM_UP_SECONDS = 86_400
"""Until both are over nothing is rare: a signal has to show its day first."""

EARLY_POINTS = 12
EARLY_BINS = 6
EARLY_RANGES = 2
"""During the warm-up, after so many points in so many bins, a point so many ranges outside of the range is a
detection."""

COOL_DOWN_BLOCKS = 12
BLOCK_POINTS = 50
COOL_DOWN_MARGIN = 0.05

FAR_COOL_DOWN_POINTS = 12
"""After a lone value that is far off only this many points are cooled down by it: garbage must not hide a fault."""

NOVELTY_THRESHOLD = 4.0
"""A score above this counts as a novelty."""

NOVELTY_PENALTY = 0.5
"""How much novelties take from the next score, times the logarithm of their number."""

NOVELTY_HALF_LIFE = 4000
"""Points after which a novelty counts half."""

NORMAL_THRESHOLD = 4.0
"""A rarity below this is normal."""


class Rarity:
    """Implements `Model`."""

    name: ClassVar[str] = "rarity"
    version: ClassVar[str] = "2"
    threshold: ClassVar[float] = 6.2

    def __init__(self) -> None:
        self._points = 0
        self._first_time = 0.0
        self._level: float | None = None
        self._values = StreamingHistogram(VALUE_BANDWIDTH)
        self._levels = StreamingHistogram(LEVEL_BANDWIDTH)
        self._block_maxima = [0.0]
        self._novelties = 0.0
        self._far_rarity = 0.0
        self._far_points = 0

    def update(self, point: Point) -> Score:
        """Score the next point, then learn from it. One that is not finite is missing: it scores 0."""
        if not math.isfinite(point.low + point.value + point.high):
            return Score(0.0, self._level or 0.0, point.value, is_normal=False)
        if self._level is None:
            self._first_time, self._level = point.time, point.value
        expected = self._level
        level = expected + EWMA_ALPHA * (self._values.clip(point.value) - expected)
        values = (point.value,) if point.low == point.high else (point.low, point.value, point.high)
        mass, observed = min((self._values.mass_near(value), value) for value in values)
        mass = min(mass, self._levels.mass_near(level))
        rarity = math.log((self._values.weight + 1) / (mass + PSEUDO_COUNT))
        score = self._score(point.time, rarity, observed, is_far=self._values.range_exceedance(observed) > FAR_RANGES)

        for value in values:
            self._values.add(value, 1 / len(values))
        self._levels.add(level, 1.0)
        self._level = level
        self._points += 1
        return Score(score, expected, observed, is_normal=rarity < NORMAL_THRESHOLD)

    def _score(self, time: float, rarity: float, observed: float, *, is_far: bool) -> float:
        self._novelties *= 0.5 ** (1 / NOVELTY_HALF_LIFE)
        self._far_points = max(self._far_points - 1, 0)
        recent = max(*self._block_maxima, self._far_rarity if self._far_points else 0.0)
        if self._points % BLOCK_POINTS == 0:
            self._block_maxima = [*self._block_maxima[1 - COOL_DOWN_BLOCKS :], 0.0]
        if is_far:
            self._far_rarity, self._far_points = max(rarity, recent), FAR_COOL_DOWN_POINTS
        else:
            self._block_maxima[-1] = max(self._block_maxima[-1], rarity)
        if self._points < WARM_UP_POINTS or time - self._first_time < WARM_UP_SECONDS:
            return self._early(observed)
        if rarity <= recent + COOL_DOWN_MARGIN:
            return 0.0
        score = rarity - NOVELTY_PENALTY * math.log1p(self._novelties)
        if score > NOVELTY_THRESHOLD:
            self._novelties += 1
        return max(score, 0.0)

    def _early(self, observed: float) -> float:
        if self._points < EARLY_POINTS or len(self._values) < EARLY_BINS:
            return 0.0
        exceedance = self._values.range_exceedance(observed)
        return self.threshold + math.log1p(exceedance) if exceedance > EARLY_RANGES else 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return all that the model knows, as JSON, once it has seen a point. The keys are stored data."""
        return {
            "points": self._points,
            "first": self._first_time,
            "level": self._level,
            "values": self._values.state_dict(),
            "levels": self._levels.state_dict(),
            "blocks": self._block_maxima,
            "novelties": self._novelties,
            "far_rarity": self._far_rarity,
            "far_points": self._far_points,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the model that had this state."""
        model = cls()
        model._points, model._first_time, model._level = state["points"], state["first"], state["level"]
        model._values = StreamingHistogram.from_state(VALUE_BANDWIDTH, state["values"])
        model._levels = StreamingHistogram.from_state(LEVEL_BANDWIDTH, state["levels"])
        model._block_maxima, model._novelties = list(state["blocks"]), state["novelties"]
        model._far_rarity, model._far_points = state["far_rarity"], state["far_points"]
        return model
