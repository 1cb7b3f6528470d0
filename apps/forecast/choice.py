"""Which model a series gets: Prophet has to earn it."""

import logging
from datetime import datetime
from typing import NamedTuple

from apps.forecast.backtest import HORIZON, WINDOWS, Backtest, backtest, scale
from apps.forecast.history import WEEK, History
from apps.forecast.model import Model
from apps.forecast.naive import BASELINES
from apps.forecast.seasons import PROPHET

log = logging.getLogger(__name__)

MIN_HOURS = WINDOWS * HORIZON + WEEK
"""Of a history, from its first hour to its last: a week to learn from before the first held-out day."""

MIN_KNOWN = 0.8
"""Part of those hours that must have readings."""

GAIN = 0.05
"""By what part Prophet's error must be smaller: less is luck, and a model for no gain."""

BETTER_DAYS = 5 / 7
"""Part of the held-out days on which it must be smaller, so that one odd day does not decide."""


class Chosen(NamedTuple):
    """The model of a series, and how it did on the held-out days. Errors count in the mean change of a day (MASE)."""

    model: str
    model_version: str
    tested_at: datetime
    margin: float
    """Of the band, in the metric's own unit."""
    coverage: float
    """The part of held-out hours that such a band held."""
    mase: float | None
    """None: nothing changed from day to day."""
    baseline_mase: float | None
    """The same of the best naive forecast."""


class Forecast(NamedTuple):
    """The hours from `first_hour` on, in the metric's own unit."""

    first_hour: datetime
    expected: list[float]
    chosen: Chosen


def forecast(history: History, now: datetime, chosen: Chosen | None = None) -> Forecast | None:
    """Return what comes next, by the model that was chosen lately, or by the one that a backtest chooses now.

    None: there is too little to learn from.
    """
    if len(history.values) < MIN_HOURS or len(history.known) < MIN_KNOWN * len(history.values):
        return None
    if chosen is None or not _is_installed(chosen):
        found = choose(history, now)
        if found is None:
            return None
        chosen = found
    try:
        expected = MODELS[chosen.model].expect(history, HORIZON)
    except (RuntimeError, ValueError) as error:
        log.warning("%s: %s", chosen.model, error)
        return None
    return Forecast(history.end, expected, chosen)


def choose(history: History, now: datetime, challenger: Model = PROPHET) -> Chosen | None:
    """Test the models on held-out days and return the one to use. None: too few of those days have readings."""
    try:
        tested = [(model, backtest(model, history)) for model in BASELINES]
    except ValueError:
        return None
    model, of_baseline = min(tested, key=lambda pair: pair[1].mean)
    measured = of_baseline
    # Where the baseline is never wrong there is nothing to gain.
    if of_baseline.mean:
        try:
            of_challenger = backtest(challenger, history)
        except (RuntimeError, ValueError) as error:
            log.warning("%s cannot be tested: %s", challenger.name, error)
        else:
            if beats(of_challenger, of_baseline):
                model, measured = challenger, of_challenger
    unit = scale(history)
    return Chosen(
        model.name,
        model.version,
        now,
        measured.margin,
        measured.coverage,
        measured.mean / unit if unit else None,
        of_baseline.mean / unit if unit else None,
    )


def beats(challenger: Backtest, baseline: Backtest) -> bool:
    """Whether it is clearly better: over all hours, and on most days."""
    better = sum(new < old for new, old in zip(challenger.days, baseline.days, strict=True))
    return challenger.mean < (1 - GAIN) * baseline.mean and better >= BETTER_DAYS * len(baseline.days)


def _is_installed(chosen: Chosen) -> bool:
    """Whether the model that was chosen is still the one of that name: a later release may have another, or none."""
    model = MODELS.get(chosen.model)
    return model is not None and model.version == chosen.model_version


MODELS = {model.name: model for model in (*BASELINES, PROPHET)}
