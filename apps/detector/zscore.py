"""The z-score rule: the newest minutes of a quarter of an hour against the rest of it.

A z-score of a point among the points that it is judged by can never pass sqrt(n - 1), and a fault that lasts swells the
very spread that it is measured with. So the newest minutes are kept out of what they are compared with, and the rest is
described by its median and its median absolute deviation (Iglewicz and Hoaglin 1993), which hold until half is bad.
"""

from dataclasses import dataclass

import numpy as np

from apps.detector.prometheus import Floats, Samples
from apps.detector.signals import Direction

RULE = "zscore"
VERSION = "1"

WINDOW_SECONDS = 15 * 60
NEWEST_SECONDS = 2 * 60
STEP_SECONDS = 15
"""As often as Prometheus scrapes."""

ALARM = 3.0
CLEAR = 1.5
"""An alert is over below this: less than the alarm, so that a signal at the edge does not flap."""

MIN_NEWEST = 3
MIN_REST = 12
"""Fewer samples than these are no ground for a judgement."""

RELATIVE_FLOOR = 0.05
"""Least spread that counts, as a fraction of what is expected."""

SPREAD_OF_NORMAL = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far the newest values lie from the rest, in units of its spread; positive is worse."""

    score: float
    expected: float
    observed: float
    spread: float


def judge(samples: Samples, now: float, direction: Direction, floor: float) -> Judgement | None:
    """Return the judgement at `now` (seconds since 1970), or None when there are too few samples for one."""
    newest = samples.values[(samples.times > now - NEWEST_SECONDS) & (samples.times <= now)]
    rest = samples.values[(samples.times > now - WINDOW_SECONDS) & (samples.times <= now - NEWEST_SECONDS)]
    if len(newest) < MIN_NEWEST or len(rest) < MIN_REST:
        return None
    return compare(newest, rest, direction, floor)


def compare(newest: Floats, rest: Floats, direction: Direction, floor: float) -> Judgement:
    """Return how far the median of `newest` lies from that of `rest`. `floor` is the least spread that counts."""
    expected, observed = float(np.median(rest)), float(np.median(newest))
    deviation = SPREAD_OF_NORMAL * float(np.median(np.abs(rest - expected)))
    spread = max(deviation, RELATIVE_FLOOR * abs(expected), floor)
    return Judgement(distance(observed, expected, spread, direction), expected, observed, spread)


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
