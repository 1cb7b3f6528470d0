"""Replays a series through a model as if it came in live, and counts what it found at a threshold."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from apps.detector.models import Model, Point
from bench.nab.archive import LabelledSeries
from bench.nab.nab import Floats, Rated


@dataclass(frozen=True, slots=True)
class Replayed:
    """The score of each row, which the model gave before it saw any later one."""

    scores: Floats
    seconds: float
    """CPU time that the model took."""


def replay(series: LabelledSeries, make: Callable[[], Model]) -> Replayed:
    """Feed a fresh model one row after the other. It is told nothing else."""
    model = make()
    scores = np.zeros(len(series.times))
    started = time.process_time()
    for row, (stamp, value) in enumerate(zip(series.times.tolist(), series.values.tolist(), strict=True)):
        scores[row] = model.update(Point.of(stamp, value)).value
    return Replayed(scores, time.process_time() - started)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the detections at a threshold found. Rows of the probation count for nothing."""

    windows: int = 0
    found: int = 0
    detections: int = 0
    false_alarms: int = 0
    days: float = 0.0

    @property
    def recall(self) -> float:
        """Found windows of all windows."""
        return self.found / self.windows if self.windows else 1.0

    @property
    def event_precision(self) -> float:
        """Detections inside a window of all detections."""
        return 1 - self.false_alarms / self.detections if self.detections else 1.0

    @property
    def window_precision(self) -> float:
        """Found windows of found windows and false alarms: many detections in one window count once."""
        return self.found / (self.found + self.false_alarms) if self.detections else 1.0

    @property
    def false_alarms_per_day(self) -> float:
        """Of one series."""
        return self.false_alarms / self.days if self.days else 0.0


def count(series: LabelledSeries, rated: Rated, scores: Floats, threshold: float) -> Counts:
    """Count the detections of one series: scores at or above `threshold`, each an event of its own."""
    windows = rated.window[rated.probation :][scores[rated.probation :] >= threshold]
    return Counts(
        windows=rated.windows,
        found=len(np.unique(windows[windows >= 0])),
        detections=len(windows),
        false_alarms=int((windows < 0).sum()),
        days=series.days,
    )


def total(counts: Sequence[Counts]) -> Counts:
    """Return the sum of all series."""
    return Counts(
        windows=sum(series.windows for series in counts),
        found=sum(series.found for series in counts),
        detections=sum(series.detections for series in counts),
        false_alarms=sum(series.false_alarms for series in counts),
        days=sum(series.days for series in counts),
    )
