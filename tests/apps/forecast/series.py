"""Series that are known through and through."""

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime

from apps.forecast.history import DAY, HOUR, History

NOW = datetime(2026, 11, 26, 12, 7, tzinfo=UTC)
END = datetime(2026, 11, 26, 12, tzinfo=UTC)


def history_of(value: Callable[[int], float | None], days: int = 35) -> History:
    """A history that ends now; `value` is called with the number of each hour, in order."""
    hours = days * DAY
    return History(END - hours * HOUR, tuple(value(hour) for hour in range(hours)))


def season_and_trend(seed: int) -> History:
    """A day that comes again, rises slowly and is noisy: last day's noise makes a naive forecast worse."""
    noise = random.Random(seed)
    return history_of(lambda hour: 20 + 5 * math.sin(hour * math.tau / DAY) + 0.01 * hour + noise.gauss(0, 0.5))


def random_walk(seed: int) -> History:
    """What comes next of it nobody can know."""
    noise, level = random.Random(seed), 0.0

    def step(_: int) -> float:
        nonlocal level
        level += noise.gauss(0, 1)
        return level

    return history_of(step)
