"""How good a model is: what it would have said of the last days, before it knew them."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from apps.forecast.history import DAY, History
from apps.forecast.model import Model

HORIZON = DAY
"""Hours that are forecast, and the length of each window that is held out."""

WINDOWS = 7
"""Days that are held out, one after the other: a whole week, so that a weekend is among them."""

LEVEL = 0.8
"""Part of the hours that the band is made to hold."""


class Backtest(NamedTuple):
    """What was measured minus what the model had said: a tuple for each held-out day, of its hours with readings."""

    errors: tuple[tuple[float, ...], ...]

    @property
    def days(self) -> tuple[float, ...]:
        """The mean absolute error of each day, in the metric's own unit."""
        return tuple(_mean(map(abs, day)) for day in self.errors)

    @property
    def mean(self) -> float:
        """The mean absolute error of all hours."""
        return _mean(abs(error) for day in self.errors for error in day)

    @property
    def margin(self) -> float:
        """How far to both sides the band reaches, so that LEVEL of the errors lie in it."""
        return _margin(self.errors)

    @property
    def coverage(self) -> float:
        """The part of the hours that the band held, each day's band made of the other days alone."""
        held = 0
        for index, day in enumerate(self.errors):
            margin = _margin(self.errors[:index] + self.errors[index + 1 :])
            held += sum(abs(error) <= margin for error in day)
        return held / sum(map(len, self.errors))


def backtest(model: Model, history: History) -> Backtest:
    """Hold out the last days one by one, let the model say each from all before it, and measure.

    Raises ValueError where fewer than two of those days have readings, and what the model raises.
    """
    days = []
    for back in range(WINDOWS, 0, -1):
        known = len(history.values) - back * HORIZON
        measured = history.values[known : known + HORIZON]
        if any(value is not None for value in measured):
            expected = model.expect(history.until(known), HORIZON)
            days.append(tuple(is_ - was for is_, was in zip(measured, expected, strict=True) if is_ is not None))
    if len(days) < 2:
        raise ValueError("fewer than two of the held-out days have readings")
    return Backtest(tuple(days))


def scale(history: History) -> float | None:
    """Return the mean change from one day to the next before the held-out days: MASE counts errors in it.

    None: nothing ever changed, or nothing can be compared.
    """
    values = history.values[: len(history.values) - WINDOWS * HORIZON]
    changes = [
        abs(later - earlier)
        for earlier, later in zip(values, values[DAY:], strict=False)
        if earlier is not None and later is not None
    ]
    return _mean(changes) or None if changes else None


def _margin(days: Iterable[tuple[float, ...]]) -> float:
    """The smallest margin that is sure to hold LEVEL of errors like these (split conformal prediction)."""
    distances = sorted(abs(error) for day in days for error in day)
    return distances[min(len(distances), math.ceil((len(distances) + 1) * LEVEL)) - 1]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)
