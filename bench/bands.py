"""What forecasts would add to the detector: alarms of values that stay far outside of what was forecast.

    python -m bench.bands DIR

A forecast is made each day for the next one, as `apps.forecast` makes it, but for Prophet: the best naive model of the
last seven days, and the margin that held 80 % of its errors there. An alarm is some hours in a row that were more than
so many margins off all the time. DIR is an archive in NAB's format.
"""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from apps.detector.forecast_rule import distance
from apps.detector.rarity import Rarity
from apps.forecast.backtest import HORIZON
from apps.forecast.choice import MIN_HOURS, MIN_KNOWN, MODELS, choose
from apps.forecast.history import History
from apps.forecast.naive import NAIVE
from bench.nab import nab
from bench.nab.archive import LabelledSeries, read_archive
from bench.nab.nab import Floats
from bench.nab.replay import Counts, count, replay, total

ALL_HOURS = (1, 2, 3)
ALL_MARGINS = (2.0, 3.0, 4.0, 6.0)
MAX_HOURS = 42 * 24
ALARM = 10.0
"""A score above every threshold."""


class Band(NamedTuple):
    """What was forecast of one day."""

    first_hour: datetime
    expected: list[float]
    margin: float


def bands(means: Mapping[int, float]) -> Iterator[Band]:
    """Yield the forecast of each day that has one, made of the hourly means before it."""
    first, last = min(means), max(means)
    for end in range(first + MIN_HOURS, last + 1, HORIZON):
        begin = max(first, end - MAX_HOURS)
        known = History(_time(begin), tuple(means.get(hour) for hour in range(begin, end)))
        if len(known.known) < MIN_KNOWN * len(known.values):
            continue
        if chosen := choose(known, known.end, challenger=NAIVE):
            yield Band(known.end, MODELS[chosen.model].expect(known, HORIZON), chosen.margin)


def distances(times: Sequence[float], values: Sequence[float]) -> dict[int, float]:
    """Return by how many margins each hour that was forecast is off, by its number since 1970."""
    hours = hourly(times, values)
    off = {}
    for band in bands({hour: sum(found) / len(found) for hour, found in hours.items()}):
        for ahead, expected in enumerate(band.expected):
            hour = int(band.first_hour.timestamp()) // 3600 + ahead
            if found := hours.get(hour):
                off[hour] = distance(min(found), max(found), expected, band.margin)
    return off


def hourly(times: Sequence[float], values: Sequence[float]) -> dict[int, list[float]]:
    """Return the values of each hour that has some, by its number since 1970."""
    hours: dict[int, list[float]] = {}
    for time, value in zip(times, values, strict=True):
        if math.isfinite(value):
            hours.setdefault(int(time // 3600), []).append(value)
    return hours


def alarms(times: Sequence[float], off: Mapping[int, float], hours: int, margins: float) -> Floats:
    """Return the score of each row: `ALARM` in the first one after so many hours in a row that were all off.

    An alarm lasts until an hour is within half of the margins.
    """
    scores = np.zeros(len(times))
    is_open, last = False, int(times[0] // 3600)
    for row, time in enumerate(times):
        over, last = last, int(time // 3600)
        if over == last or over not in off:
            continue
        if not is_open and min(off.get(over - back, 0.0) for back in range(hours)) > margins:
            scores[row], is_open = ALARM, True
        elif off[over] <= margins / 2:
            is_open = False
    return scores


def main() -> None:
    archive = read_archive(Path(sys.argv[1]), lambda _: None)
    off = [distances(series.times.tolist(), series.values.tolist()) for series in archive]
    judged = [series for series, hours in zip(archive, off, strict=True) if hours]
    print(
        f"{len(judged)} of {len(archive)} series are long enough for a forecast; at the threshold {Rarity.threshold}:"
    )
    rare = [replay(series, Rarity).scores for series in judged]
    off = [hours for hours in off if hours]
    print("| | NAB standard | windows found | event precision | false alarms a day |\n| --- | --- | --- | --- | --- |")
    print(f"| rarity | {_figures(judged, rare)} |")
    for hours, margins in itertools.product(ALL_HOURS, ALL_MARGINS):
        outside = [
            alarms(series.times.tolist(), distances, hours, margins)
            for series, distances in zip(judged, off, strict=True)
        ]
        both = [np.maximum(scores, found) for scores, found in zip(rare, outside, strict=True)]
        print(f"| {hours} h beyond {margins:g} margins | {_figures(judged, outside)} |")
        print(f"| both | {_figures(judged, both)} |")


def _figures(archive: Sequence[LabelledSeries], scores: Sequence[Floats]) -> str:
    rated = [nab.rate(series) for series in archive]
    counts: Counts = total([count(*rows, Rarity.threshold) for rows in zip(archive, rated, scores, strict=True)])
    return (
        f"{nab.at(rated, scores, nab.STANDARD, Rarity.threshold):.1f} | {counts.found} of {counts.windows} | "
        f"{counts.event_precision:.2f} | {counts.false_alarms_per_day:.3f}"
    )


def _time(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


if __name__ == "__main__":
    main()
