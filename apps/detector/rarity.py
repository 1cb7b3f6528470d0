"""The rarity model: a value is surprising when hardly anything like it was seen so far.

Two features of a signal are scored, and the rarer one counts: the value itself, which finds spikes, drops and odd
values in between, and its level, which finds shifts and drifts that stay among known values. A third, the level over
some hours, backs them: what is odd at a time that is odd as well counts more than what comes and goes.

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

- The backing: the slow level is the same average with λ = `SLOW_ALPHA`, and

      rarity = (max(rarity of value, rarity of level) + `BACKING` · rarity of slow level) / (1 + `BACKING`)

- The rarest feature and not the sum of all: max instead of Σ, so that an ordinary feature takes nothing from an odd
  one.
- n is counted within a bandwidth around the value, wider outside of a young signal's range, and in a thin tail with
  all that lies beyond it, instead of in a fixed bin.
- Cool-down: a point scores only when it is rarer, by `COOL_DOWN_MARGIN`, than the maxima of the last
  `COOL_DOWN_BLOCKS` blocks. So a fault is detected when it begins, and again only when it gets worse. A value that
  stands alone or is far off (`FAR_RANGES`) cools down `LONE_COOL_DOWN_POINTS` points only, and one that is far off
  moves the level by a range at most: a zero, or a register that is read in the wrong order, must not hide the fault
  that comes after it.
- Counters: a signal that only grows, but for restarts, is scored by its rate alone (`apps.detector.counter`).
- Habit: score = rarity - `NOVELTY_PENALTY` · log(1 + N), where N counts the scores above `NOVELTY_THRESHOLD` and
  decays by half in `NOVELTY_HALF_LIFE` points. A signal that is always good for a surprise has to surprise more.
- Frequency: `FREQUENCY_PENALTY` · log(`REFERENCE_SECONDS` / I) is taken off as well, where log I is a moving average of
  the logarithms of the intervals between points, so that one long gap hardly counts. The same share of the points is
  more of them in a day of more points: without this a value each minute had many more false alarms a day than one
  each hour, and there faults were missed that could have been found.
- Warm-up: before a day was seen only what lies far outside of the range is a detection.

All constants were chosen on labelled series (docs/adr/0014-a-rarity-model-of-our-own.md; the backing
and the frequency by folds and bent copies, docs/adr/0041-a-slow-level-and-a-third-rule.md and
docs/adr/0042-what-comes-often-has-to-be-rarer.md).
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

from apps.detector.counter import Counter, Rate, Restart
from apps.detector.histogram import FAR_RANGES, StreamingHistogram
from apps.detector.models import Point, Score

VALUE_BANDWIDTH = 0.035
LEVEL_BANDWIDTH = 0.06
"""How near is near, as a fraction of the range seen."""

EWMA_ALPHA = 0.15
"""Weight of a new value in the level."""

SLOW_ALPHA = 0.01
"""The same in the slow level."""

BACKING = 1 / 7
"""What the rarity of the slow level counts, where that of the rarest feature counts 1."""

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

LONE_COOL_DOWN_POINTS = 12
"""After a value that stands alone or is far off only this many points are cooled down by it."""

NOVELTY_THRESHOLD = 4.0
"""A score above this counts as a novelty."""

NOVELTY_PENALTY = 0.5
"""How much novelties take from the next score, times the logarithm of their number."""

NOVELTY_HALF_LIFE = 4000
"""Points after which a novelty counts half."""

REFERENCE_SECONDS = 300
"""Interval of points at which the score is as it is: what is more frequent has to be rarer."""

FREQUENCY_PENALTY = 0.6
"""How much more frequent points take from the score, times the logarithm of how many there are for one of those."""

INTERVAL_ALPHA = 0.01
"""Weight of the last interval in the usual one, once so many were seen."""

NORMAL_THRESHOLD = 4.0
"""A rarity below this is normal."""


class Rarity:
    """Implements `Model`."""

    name: ClassVar[str] = "rarity"
    version: ClassVar[str] = "4"
    threshold: ClassVar[float] = 6.35

    def __init__(self) -> None:
        self._points = 0
        self._first_time = 0.0
        self._last_time = 0.0
        self._log_interval = 0.0
        self._level: float | None = None
        self._values = StreamingHistogram(VALUE_BANDWIDTH)
        self._levels = StreamingHistogram(LEVEL_BANDWIDTH)
        self._slow_level = 0.0
        self._slow_levels = StreamingHistogram(LEVEL_BANDWIDTH)
        self._counter = Counter()
        self._block_maxima = [0.0]
        self._novelties = 0.0
        self._lone_rarity = 0.0
        self._lone_points = 0
        self._was_odd = False

    def update(self, point: Point) -> Score:
        """Score the next point, then learn from it. One that is not finite is missing: it scores 0."""
        if not math.isfinite(point.low + point.value + point.high):
            return Score(0.0, self._level or 0.0, point.value, is_normal=False)
        if self._level is None:
            self._first_time, self._level, self._slow_level = point.time, point.value, point.value
        else:
            interval = math.log(max(point.time - self._last_time, 1.0))
            self._log_interval += max(1 / self._points, INTERVAL_ALPHA) * (interval - self._log_interval)
        self._last_time = point.time
        # Garbage that came first, before anything could tell, is found out by what follows it.
        expected = self._values.clip(self._level)
        level = self._average(self._level, point.value, EWMA_ALPHA)
        slow_level = self._average(self._slow_level, point.value, SLOW_ALPHA)
        values = (point.value,) if point.low == point.high else (point.low, point.value, point.high)
        step = self._counter.step(point)
        found = self._of_values(values, expected, level, slow_level) if step is None else self._of_counter(step, point)
        score = self._score(point.time, found)

        for value in values:
            self._values.add(value, 1 / len(values))
        if self._points >= EARLY_POINTS:
            self._levels.add(level, 1.0)
            self._slow_levels.add(slow_level, 1.0)
        self._counter.learn(point)
        self._level, self._slow_level = level, slow_level
        self._points += 1
        return Score(score, found.expected, found.observed, is_normal=found.rarity < NORMAL_THRESHOLD)

    def _average(self, average: float, value: float, alpha: float) -> float:
        average = self._values.clip(average)
        return average + alpha * (self._values.clip(value) - average)

    def _of_values(self, values: tuple[float, ...], expected: float, level: float, slow_level: float) -> "_Finding":
        mass, observed = min((self._values.mass_near(value), value) for value in values)
        backing = 0.0
        if self._points >= EARLY_POINTS:
            mass = min(mass, self._levels.mass_near(level))
            backing = BACKING * _rarity(self._slow_levels.weight, self._slow_levels.mass_near(slow_level))
        rarity = (_rarity(self._values.weight, mass) + backing) / (1 + BACKING)
        return _Finding(rarity, self._values.range_exceedance(observed), expected, observed)

    def _of_counter(self, step: Rate | Restart, point: Point) -> "_Finding":
        if isinstance(step, Restart):
            return _Finding(0.0, 0.0, point.high, point.high)
        rates = self._counter.rates
        rarity = _rarity(rates.weight, rates.mass_near(step.value))
        return _Finding(rarity, rates.range_exceedance(step.value), step.expected, point.high)

    def _score(self, time: float, found: "_Finding") -> float:
        rarity = found.rarity
        self._novelties *= 0.5 ** (1 / NOVELTY_HALF_LIFE)
        self._lone_points = max(self._lone_points - 1, 0)
        recent = max(*self._block_maxima, self._lone_rarity if self._lone_points else 0.0)
        if self._points % BLOCK_POINTS == 0:
            self._block_maxima = [*self._block_maxima[1 - COOL_DOWN_BLOCKS :], 0.0]
        is_odd = rarity >= NORMAL_THRESHOLD
        if found.exceedance > FAR_RANGES or (is_odd and not self._was_odd):
            self._lone_rarity, self._lone_points = max(rarity, recent), LONE_COOL_DOWN_POINTS
        else:
            self._block_maxima[-1] = max(self._block_maxima[-1], rarity)
        self._was_odd = is_odd
        if self._points < WARM_UP_POINTS or time - self._first_time < WARM_UP_SECONDS:
            return self._early(found.exceedance)
        if rarity <= recent + COOL_DOWN_MARGIN:
            return 0.0
        score = rarity - NOVELTY_PENALTY * math.log1p(self._novelties)
        score -= FREQUENCY_PENALTY * (math.log(REFERENCE_SECONDS) - self._log_interval)
        if score > NOVELTY_THRESHOLD:
            self._novelties += 1
        return max(score, 0.0)

    def _early(self, exceedance: float) -> float:
        if self._points < EARLY_POINTS or len(self._values) < EARLY_BINS:
            return 0.0
        return self.threshold + math.log1p(exceedance) if exceedance > EARLY_RANGES else 0.0

    def learning_until(self, now: float) -> float | None:
        """Return when the warm-up will be over if points go on to come as they did, None once it is."""
        interval = (now - self._first_time) / max(self._points - 1, 1)
        until = max(self._first_time + WARM_UP_SECONDS, now + interval * (WARM_UP_POINTS - self._points))
        is_over = self._points >= WARM_UP_POINTS and now >= self._first_time + WARM_UP_SECONDS
        return None if is_over else until

    def usual(self, now: float) -> tuple[float, float] | None:
        """Return between which values all but the tails of what it has seen lie.

        None during the warm-up, and of a counter, whose values are new all the time.
        """
        is_warm = self.learning_until(now) is None
        return self._values.without_tails() if is_warm and not self._counter.is_counter else None

    def state_dict(self) -> dict[str, Any]:
        """Return all that the model knows, as JSON, once it has seen a point. The keys are stored data."""
        return {
            "points": self._points,
            "first": self._first_time,
            "last": self._last_time,
            "log_interval": self._log_interval,
            "level": self._level,
            "values": self._values.state_dict(),
            "levels": self._levels.state_dict(),
            "slow_level": self._slow_level,
            "slow_levels": self._slow_levels.state_dict(),
            "counter": self._counter.state_dict(),
            "blocks": self._block_maxima,
            "novelties": self._novelties,
            "far_rarity": self._lone_rarity,
            "far_points": self._lone_points,
            "was_odd": self._was_odd,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the model that had this state."""
        model = cls()
        model._points, model._first_time, model._level = state["points"], state["first"], state["level"]
        model._last_time, model._log_interval = state["last"], state["log_interval"]
        model._values = StreamingHistogram.from_state(VALUE_BANDWIDTH, state["values"])
        model._levels = StreamingHistogram.from_state(LEVEL_BANDWIDTH, state["levels"])
        model._slow_level = state["slow_level"]
        model._slow_levels = StreamingHistogram.from_state(LEVEL_BANDWIDTH, state["slow_levels"])
        model._counter = Counter.from_state(state["counter"])
        model._block_maxima, model._novelties = list(state["blocks"]), state["novelties"]
        model._lone_rarity, model._lone_points = state["far_rarity"], state["far_points"]
        model._was_odd = state["was_odd"]
        return model


class _Finding(NamedTuple):
    """How rare a point is, by how many ranges it lies outside of what was seen, and why."""

    rarity: float
    exceedance: float
    expected: float
    observed: float


def _rarity(weight: float, mass: float) -> float:
    return math.log((weight + 1) / (mass + PSEUDO_COUNT))
