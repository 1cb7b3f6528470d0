"""The baselines: what was there an hour, a day or a week ago comes again."""

import statistics
from functools import partial

from apps.forecast.history import DAY, WEEK, History
from apps.forecast.model import Model

VERSION = "1"
"""Changes when the same history gives another forecast."""


def seasonal_naive(history: History, hours: int, *, season: int) -> list[float]:
    """Return the next hours: what was there a season before, or in the last season that has that hour.

    An hour that no season has gets the median of all. Raises ValueError for a history without any value.
    """
    values = history.values
    expected = []
    for ahead in range(hours):
        index = len(values) - season + ahead % season
        while index >= 0 and values[index] is None:
            index -= season
        found = values[index] if index >= 0 else None
        expected.append(statistics.median(history.known) if found is None else found)
    return expected


NAIVE = Model("naive", VERSION, partial(seasonal_naive, season=1))
SEASONAL_NAIVE_DAY = Model("seasonal-naive-day", VERSION, partial(seasonal_naive, season=DAY))
SEASONAL_NAIVE_WEEK = Model("seasonal-naive-week", VERSION, partial(seasonal_naive, season=WEEK))

BASELINES = (NAIVE, SEASONAL_NAIVE_DAY, SEASONAL_NAIVE_WEEK)
