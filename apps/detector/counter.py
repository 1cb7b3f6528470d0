"""Counters: a meter, an odometer, a count of errors. They grow, and begin at 0 again when a device restarts.

Their values are new all the time, so what can be odd of one is how quickly it grew: its rate, as Prometheus's `rate()`
has it, which takes a fall for a restart too. How much was counted around a restart is not known and says nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from apps.detector.histogram import FAR_RANGES, StreamingHistogram
from apps.detector.models import Point

RATE_BANDWIDTH = 0.035
"""How near is near, as a fraction of the range of rates seen."""

RATE_ALPHA = 0.15
"""Weight of a new rate in the usual one."""

MIN_RISES = 100
RISES_PER_FALL = 10
"""A signal is a counter once it rose so often, and so many times for each of its falls."""

MIN_RATES = 12
"""With fewer rates than these none is far from the others."""

RESTART_FRACTION = 0.1
"""A counter that fell to this share of its value, or below, began anew."""

HOUR_SECONDS = 3600.0


class Rate(NamedTuple):
    """By how much a counter grew an hour, and the value that was expected."""

    value: float
    expected: float


class Restart(NamedTuple):
    """A counter began anew."""


class Counter:
    """Follows one signal, learns the rates at which it grows, and tells whether it is a counter at all."""

    def __init__(self) -> None:
        self.rates = StreamingHistogram(RATE_BANDWIDTH)
        self._usual_rate = 0.0
        self._rises = 0.0
        self._falls = 0.0
        self._last: tuple[float, float] | None = None
        self._before_jump: tuple[float, float] | None = None

    def step(self, point: Point) -> Rate | Restart | None:
        """Return how a counter goes on with a point; None where the signal is none, or fell as no counter does."""
        if self._last is None or not self.is_counter or point.low < 0:
            return None
        # A restart within the point is not seen in its greatest value, and needs not be.
        rate = _rate(self._last, point)
        if rate < 0:
            without_jump = self._rate_without_jump(point)
            if without_jump is None:
                return Restart() if self._began_anew(self._last, point) else None
            rate = without_jump
        last_time, last = self._last
        return Rate(rate, last + self._usual_rate * (point.time - last_time) / HOUR_SECONDS)

    def learn(self, point: Point) -> None:
        """Take in the next point."""
        last, self._last = self._last, (point.time, point.high)
        if last is None:
            return
        rate = _rate(last, point)
        self._rises += rate > 0
        self._falls += rate < 0
        if RISES_PER_FALL * max(self._falls - 1, 0.0) > self._rises:
            self._forget()
            return
        without_jump = self._rate_without_jump(point)
        is_jump = rate < 0 or self._is_far(rate)
        self._before_jump = last if is_jump and without_jump is None else None
        learnt = rate if without_jump is None else without_jump
        if learnt >= 0:
            self._usual_rate += RATE_ALPHA * (self.rates.clip(learnt) - self._usual_rate)
            self.rates.add(learnt, 1.0)

    @property
    def is_counter(self) -> bool:
        """Whether the signal only grows, but for restarts, as far as it was seen."""
        return self._rises >= MIN_RISES and self.rates.weight >= MIN_RISES

    def _rate_without_jump(self, point: Point) -> float | None:
        """Return the rate since before a jump that was none, as the counter goes on where it was; None otherwise."""
        if self._before_jump is None:
            return None
        rate = _rate(self._before_jump, point)
        return None if rate < 0 or self._is_far(rate) else rate

    def _began_anew(self, last: tuple[float, float], point: Point) -> bool:
        """Tell whether a fall leaves what a counter holds that began at 0: little of it, or as it counts."""
        return point.high <= RESTART_FRACTION * last[1] or not self._is_far(_rate((last[0], 0.0), point))

    def _is_far(self, rate: float) -> bool:
        return self.rates.weight >= MIN_RATES and self.rates.range_exceedance(rate) > FAR_RANGES

    def _forget(self) -> None:
        if self.rates.weight:
            self.rates, self._usual_rate, self._before_jump = StreamingHistogram(RATE_BANDWIDTH), 0.0, None

    def state_dict(self) -> dict[str, Any]:
        """Return all that it knows, as JSON. The keys are stored data."""
        return {
            "rates": self.rates.state_dict(),
            "usual": self._usual_rate,
            "rises": self._rises,
            "falls": self._falls,
            "last": self._last,
            "before": self._before_jump,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the counter that had this state."""
        counter = cls()
        counter.rates = StreamingHistogram.from_state(RATE_BANDWIDTH, state["rates"])
        counter._usual_rate, counter._rises, counter._falls = state["usual"], state["rises"], state["falls"]
        counter._last, counter._before_jump = _point(state["last"]), _point(state["before"])
        return counter


def _rate(since: tuple[float, float], point: Point) -> float:
    """Return the growth an hour since a time and value, negative for a fall."""
    return (point.high - since[1]) / max(point.time - since[0], 1.0) * HOUR_SECONDS


def _point(stored: Any) -> tuple[float, float] | None:
    return None if stored is None else (stored[0], stored[1])
