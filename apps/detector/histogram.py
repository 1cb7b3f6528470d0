"""A histogram that learns value by value, in bounded memory and without being told the range.

Published: bins (p_i, m_i), a centroid and a weight each, and how too many of them become fewer (Ben-Haim and Tom-Tov,
"A Streaming Parallel Decision Tree Algorithm", JMLR 11, 2010, section 2.1, algorithm 1). Where the paper adds (p, 1)
and then replaces the two bins with the least p_{i+1} - p_i by

    ((p_i m_i + p_{i+1} m_{i+1}) / (m_i + m_{i+1}),  m_i + m_{i+1})

so does `_merge_closest`, with B = `MAX_BINS`.

Ours:

- A value counts in the nearest bin, whose centroid stays, when it is within a quarter of the bandwidth; in the paper
  only when it equals p_i. So many equal-looking values leave bins free for rare ones.
- Weights are fractions where a point has several values, and are halved when they add up to `MAX_WEIGHT`; what weighs
  less than 1 is dropped then. (Halving all counts at a fixed total is the reset of TinyLFU: Einziger, Friedman and
  Manes, ACM Transactions on Storage 13, 2017.)
- The range is that of all values seen, but for those that are far off and were hardly ever seen: one register that is
  read in the wrong order would stretch it a billion times, and everything would be near to everything. A young signal
  may begin with some that are absurd: sensors that print what no measurement is whenever they start.
- It is read by `mass_near`, which sums whole bins within a bandwidth; the paper's sum procedure (algorithm 3), which
  interpolates between bins, is not used.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Self

MAX_BINS = 50

MIN_BANDWIDTH = 0.005
"""Least bandwidth, as a fraction of the value: a signal that moves less is constant."""

MIN_SPAN = 1e-9
"""Least range or bandwidth where a signal is constantly 0, in its unit."""

RANGE_WIDENING = 20.0
"""Outside of the range seen the bandwidth is 1 + this / sqrt(weight) times as wide: a young signal has new extremes all
the time."""

TAIL_FRACTION = 0.003
"""Share of the weight that makes a tail. Spikes of all heights leave gaps there, and no such gap is news."""

FAR_RANGES = 3.0
"""A value so many ranges outside of what else was seen is far off: garbage, as long as it was hardly ever seen."""

FAR_WEIGHT = 2.0
FAR_FRACTION = 0.001
"""What weighs no more than this, or than this share of all, was hardly ever seen."""

ABSURD_FACTOR = 1000.0
"""What is so many times as large as all else is no measurement: some sensors send a few such whenever they start."""

ABSURD_WEIGHT = 6.0
"""So much of it is hardly ever."""

MAX_WEIGHT = 30_000
"""When the weights add up to this all are halved, so that last year's values become rare again."""


class StreamingHistogram:
    """How often which values were seen: at most `MAX_BINS` bins. `bandwidth` is a fraction of the range seen."""

    def __init__(self, bandwidth: float) -> None:
        self._bandwidth = bandwidth
        self._centroids: list[float] = []
        self._weights: list[float] = []
        self._least = 0.0
        self._greatest = 0.0
        self._low = 0.0
        self._high = 0.0
        self.weight = 0.0
        """The sum of all weights."""

    def __len__(self) -> int:
        """Return the number of bins."""
        return len(self._centroids)

    def without_tails(self) -> tuple[float, float] | None:
        """Return between which values everything lies but the tails, None where next to nothing was seen."""
        return self._usual(TAIL_FRACTION * self.weight)

    def mass_near(self, value: float) -> float:
        """Return the weight of the bins within a bandwidth of `value`, and in a tail also of those beyond.

        A tail is where the bins beyond hold less than `TAIL_FRACTION` of the weight: there all that is at least as
        extreme counts, so that the result does not fall to 0 in the gap between two spikes.
        """
        bandwidth = max(self._bandwidth * (self._high - self._low), MIN_BANDWIDTH * abs(value), MIN_SPAN)
        if self._centroids and not self._low <= value <= self._high:
            bandwidth *= 1 + RANGE_WIDENING / math.sqrt(self.weight)
        first = bisect_left(self._centroids, value - bandwidth)
        last = bisect_right(self._centroids, value + bandwidth, first)
        near = sum(self._weights[first:last])
        lowest, highest = bisect_left(self._centroids, self._low), bisect_right(self._centroids, self._high)
        beyond = min(sum(self._weights[lowest:first]), sum(self._weights[last:highest]))
        return near + beyond if beyond < TAIL_FRACTION * self.weight else near

    def range_exceedance(self, value: float) -> float:
        """Return by how many ranges `value` lies outside of the range seen."""
        return max(self._low - value, value - self._high, 0.0) / _span(self._low, self._high)

    def clip(self, value: float) -> float:
        """Return `value`, or what is nearest to it within a range around the range seen."""
        span = _span(self._low, self._high)
        return min(max(value, self._low - span), self._high + span)

    def add(self, value: float, weight: float) -> None:
        """Count `value` with a weight."""
        centroids = self._centroids
        self.weight += weight
        self._least = min(self._least, value) if centroids else value
        self._greatest = max(self._greatest, value) if centroids else value
        known = self._bin_of(value)
        if known is not None:
            self._weights[known] += weight
        else:
            at = bisect_left(centroids, value)
            centroids.insert(at, value)
            self._weights.insert(at, weight)
            if len(centroids) > MAX_BINS:
                self._merge_closest()
        if self.weight >= MAX_WEIGHT:
            self._halve()
        self._low, self._high = self._range()

    def _range(self) -> tuple[float, float]:
        """Return the least and the greatest value seen that is not far off from those that make up the weight."""
        low, high = self._least, self._greatest
        share = FAR_FRACTION * self.weight
        if usual := self._usual(max(FAR_WEIGHT, share)):
            low, high = self._within(usual, FAR_RANGES * _span(*usual))
        if share < ABSURD_WEIGHT and (usual := self._usual(ABSURD_WEIGHT)) and any(usual):
            within = self._within(usual, ABSURD_FACTOR * max(map(abs, usual)))
            low, high = max(low, within[0]), min(high, within[1])
        return low, high

    def _usual(self, spare: float) -> tuple[float, float] | None:
        """Return the range without what weighs `spare` at either end; None where next to nothing is left."""
        if self.weight <= 2 * spare:
            return None
        bins = range(len(self._centroids))
        return self._centroids[self._beyond(bins, spare)], self._centroids[self._beyond(bins[::-1], spare)]

    def _within(self, usual: tuple[float, float], distance: float) -> tuple[float, float]:
        """Return the least and the greatest value seen within a distance of a range."""
        centroids = self._centroids
        first = bisect_left(centroids, usual[0] - distance)
        last = bisect_right(centroids, usual[1] + distance) - 1
        return (
            centroids[first] if first else self._least,
            centroids[last] if last < len(centroids) - 1 else self._greatest,
        )

    def _beyond(self, bins: range, spare: float) -> int:
        """Return the first of the bins that is not spared with those before it."""
        for index in bins:
            spare -= self._weights[index]
            if spare < 0:
                return index
        return bins[-1]

    def _bin_of(self, value: float) -> int | None:
        centroids = self._centroids
        if not centroids:
            return None
        nearest = bisect_left(centroids, value)
        if nearest and (nearest == len(centroids) or value - centroids[nearest - 1] <= centroids[nearest] - value):
            nearest -= 1
        reach = self._bandwidth / 4 * (self._high - self._low)
        return nearest if abs(centroids[nearest] - value) <= reach else None

    def _merge_closest(self) -> None:
        p, m = self._centroids, self._weights
        i = min(range(len(p) - 1), key=lambda i: p[i + 1] - p[i])
        merged = m[i] + m[i + 1]
        p[i : i + 2] = [(p[i] * m[i] + p[i + 1] * m[i + 1]) / merged]
        m[i : i + 2] = [merged]

    def _halve(self) -> None:
        bins = [(p, m / 2) for p, m in zip(self._centroids, self._weights, strict=True) if m >= 1]
        self._centroids, self._weights = [p for p, _ in bins], [m for _, m in bins]
        self._least, self._greatest = self._centroids[0], self._centroids[-1]
        self.weight = sum(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return all that it knows, as JSON. The keys are stored data."""
        return {
            "places": self._centroids,
            "weights": self._weights,
            "low": self._least,
            "high": self._greatest,
            "weight": self.weight,
        }

    @classmethod
    def from_state(cls, bandwidth: float, state: Mapping[str, Any]) -> Self:
        """Return the histogram that had this state."""
        histogram = cls(bandwidth)
        histogram._centroids, histogram._weights = list(state["places"]), list(state["weights"])
        histogram._least, histogram._greatest, histogram.weight = state["low"], state["high"], state["weight"]
        histogram._low, histogram._high = histogram._range()
        return histogram


def _span(low: float, high: float) -> float:
    return max(high - low, MIN_BANDWIDTH * max(abs(low), abs(high)), MIN_SPAN)
