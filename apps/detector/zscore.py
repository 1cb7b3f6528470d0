"""The z-score rule: the recent minutes of a quarter of an hour against the rest of it, which is their reference.

A z-score of a point among the points that it is judged by can never pass sqrt(n - 1), and a fault that lasts swells
the very spread that it is measured with. So the recent minutes are kept out of the reference, and the reference is
described by its median and its median absolute deviation (the modified z-score: Iglewicz and Hoaglin, How to Detect
and Handle Outliers, 1993), which hold until half is bad.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from apps.detector.prometheus import TimeSeries
from apps.detector.signals import Direction
from apps.domain.alerts import PLATFORM_RULE

RULE = PLATFORM_RULE
VERSION = "1"

WINDOW_SECONDS = 15 * 60
RECENT_SECONDS = 2 * 60
STEP_SECONDS = 15
"""As often as Prometheus scrapes."""

THRESHOLD = 3.0
CLEAR_THRESHOLD = 1.5
"""An alert is over below this: less than the threshold, so that a signal at the edge does not flap."""

MIN_RECENT_SAMPLES = 3
MIN_REFERENCE_SAMPLES = 12
"""With fewer samples than these there is no result."""

MIN_RELATIVE_SPREAD = 0.05
"""Least spread that counts, as a fraction of what is expected."""

MAD_TO_SIGMA = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class ZScoreResult:
    """How far the recent values lie from the reference, in units of its spread; positive is worse."""

    score: float
    expected: float
    observed: float
    spread: float


def evaluate(series: TimeSeries, now: float, direction: Direction, floor: float) -> ZScoreResult | None:
    """Return the result at `now` (seconds since 1970), or None when there are too few samples for one."""
    recent = series.between(now - RECENT_SECONDS, now)
    reference = series.between(now - WINDOW_SECONDS, now - RECENT_SECONDS)
    if len(recent) < MIN_RECENT_SAMPLES or len(reference) < MIN_REFERENCE_SAMPLES:
        return None
    return compare(recent, reference, direction, floor)


def compare(recent: Sequence[float], reference: Sequence[float], direction: Direction, floor: float) -> ZScoreResult:
    """Return how far the median of `recent` lies from that of `reference`. `floor` is the least spread that counts."""
    expected, observed = median(reference), median(recent)
    deviation = MAD_TO_SIGMA * median(abs(value - expected) for value in reference)
    spread = max(deviation, MIN_RELATIVE_SPREAD * abs(expected), floor)
    return ZScoreResult(distance(observed, expected, spread, direction), expected, observed, spread)


def distance(observed: float, expected: float, spread: float, direction: Direction) -> float:
    """Return how many spreads `observed` is on the wrong side of `expected`."""
    away = (observed - expected) / spread
    match direction:
        case Direction.UP:
            return away
        case Direction.DOWN:
            return -away
        case Direction.BOTH:
            return abs(away)
