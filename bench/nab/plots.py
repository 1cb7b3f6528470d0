"""A picture of each series: values, score, windows, detections."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from bench.nab.archive import LabelledSeries
from bench.nab.nab import probation_rows

LINE, SCORE, WINDOW, HIT, FALSE = "#2f5d8a", "#7a7a7a", "#f0c75e", "#2e8b57", "#c0392b"


def plot(series: LabelledSeries, scores: npt.NDArray[np.float64], threshold: float, path: Path) -> None:
    """Write a PNG with the series above its score.

    Labelled windows are shaded, detections are dots, the probation is grey, the threshold is dashed.
    """
    times = [datetime.fromtimestamp(stamp, UTC) for stamp in series.times]
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.plot(times, series.values, color=LINE, linewidth=0.7)
    below.vlines(times, 0, scores, color=SCORE, linewidth=0.8)
    below.axhline(threshold, color=FALSE, linewidth=0.7, linestyle="--")
    inside = np.zeros(len(times), bool)
    for first, last in series.windows:
        inside[first : last + 1] = True
        for axes in (above, below):
            axes.axvspan(times[first], times[last], color=WINDOW, alpha=0.35, linewidth=0)
    probation = probation_rows(len(times))
    for axes in (above, below):
        axes.axvspan(times[0], times[max(probation - 1, 0)], color="black", alpha=0.06, linewidth=0)
        axes.margins(x=0)
        axes.spines[["top", "right"]].set_visible(False)
    detections = scores >= threshold
    detections[:probation] = False
    for mask, colour, label in ((detections & inside, HIT, "found"), (detections & ~inside, FALSE, "false alarm")):
        where = np.flatnonzero(mask)
        above.plot([times[row] for row in where], series.values[where], "o", color=colour, markersize=5, label=label)
    above.set_title(series.name, loc="left", fontsize=10)
    above.legend(loc="upper right", fontsize=8, frameon=False, ncols=2)
    below.set_ylabel("score", fontsize=8)
    below.set_ylim(bottom=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
