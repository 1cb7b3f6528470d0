"""Copies of labelled series that are bent out of shape: what a detector should bear, whatever it was chosen on.

A copy keeps its faults and their windows. Structure is chosen by how a model does on all of them and on categories that
were left out (`bench.nab.folds`), not by its score on the files alone.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.nab.archive import LabelledSeries
from bench.nab.nab import Floats

SEED = 15
NOISE = 0.25
"""Of the noisy copy, in standard deviations of the steps from row to row."""

WARP = 0.6
"""How much quicker and slower than usual the time-warped copy runs by turns."""

WARP_TURNS = 5


def inverted(series: LabelledSeries) -> LabelledSeries:
    """Return the series upside down within its range, in another unit: no model may care."""
    return replace(series, values=8 * (np.nanmin(series.values) + np.nanmax(series.values) - series.values))


def every_second_row(series: LabelledSeries) -> LabelledSeries:
    """Return it as a device would send it that measures half as often."""
    return _rows(series, np.arange(0, len(series.times), 2, dtype=np.float64))


def mean_of_two(series: LabelledSeries) -> LabelledSeries:
    """Return it in points that sum up two rows each."""
    even = len(series.times) // 2 * 2
    values = series.values[:even].reshape(-1, 2).mean(axis=1)
    return replace(_rows(series, np.arange(1, even, 2, dtype=np.float64)), values=values)


def twice_as_often(series: LabelledSeries) -> LabelledSeries:
    """Return it with a value between each two, as a device would send it that measures twice as often."""
    return _rows(series, np.arange(0, len(series.times) - 0.5, 0.5))


def logarithmic(series: LabelledSeries) -> LabelledSeries:
    """Return it on a scale on which its greatest values lie close together."""
    low, high = np.nanmin(series.values), np.nanmax(series.values)
    return replace(series, values=np.log1p(20 * (series.values - low) / max(high - low, 1e-9)))


def noisy(series: LabelledSeries) -> LabelledSeries:
    """Return it measured by a worse sensor."""
    deviation = NOISE * float(np.nanstd(np.diff(series.values)))
    return replace(series, values=series.values + np.random.default_rng(SEED).normal(0, deviation, len(series.values)))


def time_warped(series: LabelledSeries) -> LabelledSeries:
    """Return it running quicker and slower by turns, up to `WARP` more and less, in rows as far apart as before."""
    rows = len(series.times)
    phase = np.linspace(0, 2 * np.pi * WARP_TURNS, rows)
    moved = np.concatenate(([0.0], np.cumsum(1 + WARP * np.sin(phase[1:]))))
    warped = _rows(series, moved[moved <= rows - 1])
    return replace(warped, times=series.times[: len(warped.times)])


def spliced(series: LabelledSeries) -> LabelledSeries:
    """Return it with the past before its first window twice."""
    past = _past(series)
    length = series.times[past] - series.times[0]
    return replace(
        series,
        times=np.concatenate([series.times[:past] - length, series.times]),
        values=np.concatenate([series.values[:past], series.values]),
        windows=tuple((first + past, last + past) for first, last in series.windows),
    )


def beheaded(series: LabelledSeries) -> LabelledSeries:
    """Return it without the first half of the past before its first window."""
    return _rows(series, np.arange(_past(series) // 2, len(series.times), dtype=np.float64))


COPIES: dict[str, Callable[[LabelledSeries], LabelledSeries]] = {
    "inverted, scaled": inverted,
    "every second row": every_second_row,
    "mean of two rows": mean_of_two,
    "twice as often": twice_as_often,
    "logarithmic": logarithmic,
    "noisy": noisy,
    "time-warped": time_warped,
    "spliced (the past twice)": spliced,
    "beheaded (half the past)": beheaded,
}


def _past(series: LabelledSeries) -> int:
    """Return the first row of the first window, or the middle where there is none."""
    return series.windows[0][0] if series.windows else len(series.times) // 2


def _rows(series: LabelledSeries, moved: Floats) -> LabelledSeries:
    """Return the series read at these (fractional) rows, in rising order. A window keeps what lies in it."""
    rows = np.arange(len(series.times))
    first = np.searchsorted(moved, [window[0] for window in series.windows])
    last = np.searchsorted(moved, [window[1] for window in series.windows], side="right") - 1
    windows = zip(first.tolist(), np.minimum(np.maximum(last, first), len(moved) - 1).tolist(), strict=True)
    return replace(
        series,
        times=np.interp(moved, rows, series.times),
        values=np.interp(moved, rows, series.values),
        windows=tuple((start, end) for start, end in windows if start < len(moved)),
    )
