"""Scoring as the Numenta Anomaly Benchmark does it (Lavin and Ahmad 2015, arXiv 1510.03336; rules of its sweeper).

The first rows of a file are a probation and count for nothing. The best detection inside a window, which is its first,
earns between 1 (at the window's start) and about 0 (at its end); each detection outside costs up to `false_positive`,
more the farther it lies behind the last window; a window without detection costs `false_negative`. One threshold
serves all files: the one with the best total. 0 is the score of never alerting, 100 that of perfection.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.nab.archive import LabelledSeries

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Profile:
    """What finding, missing and crying wolf weigh."""

    name: str
    true_positive: float
    false_negative: float
    false_positive: float


STANDARD = Profile("standard", 1.0, 1.0, 0.11)
LOW_FALSE_POSITIVES = Profile("reward low FP", 1.0, 1.0, 0.22)
LOW_FALSE_NEGATIVES = Profile("reward low FN", 1.0, 2.0, 0.11)
PROFILES = (STANDARD, LOW_FALSE_POSITIVES, LOW_FALSE_NEGATIVES)


@dataclass(frozen=True, slots=True)
class Rated:
    """The rows of a file with what a detection in each is worth. `window` is -1 outside of the windows."""

    probation: int
    window: npt.NDArray[np.int64]
    worth: Floats
    """Before weights: up to 1 inside a window, down to -1 outside."""

    @property
    def windows(self) -> int:
        """How many windows reach beyond the probation: the others cannot be found."""
        return len(np.unique(self.window[self.probation :][self.window[self.probation :] >= 0]))


def probation_rows(rows: int) -> int:
    """Return how many first rows are not scored: 15 %, at most 750."""
    return math.floor(min(0.15 * rows, 750))


def rate(series: LabelledSeries) -> Rated:
    """Return what a detection in each row is worth."""
    rows = len(series.times)
    window = np.full(rows, -1)
    worth = np.full(rows, -1.0)
    index = np.arange(rows)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        inside, after = slice(first, last + 1), slice(last + 1, rows)
        window[inside] = number
        worth[inside] = sigmoid(-(last - index[inside] + 1) / width) / sigmoid(np.array([-1.0]))
        worth[after] = sigmoid((index[after] - last) / max(width - 1, 1))
    return Rated(probation_rows(rows), window, worth)


def sigmoid(position: Floats) -> Floats:
    """Return the worth of a place relative to a window: -1 is its start, 0 its end, beyond 3 all is equally wrong."""
    return np.where(position >= 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, 3))) - 1)


@dataclass(frozen=True, slots=True)
class Result:
    """The best threshold of a profile and the normalised score that it reaches."""

    threshold: float
    score: float


def best(rated: Sequence[Rated], scores: Sequence[Floats], profile: Profile) -> Result:
    """Return the threshold (a detection is a score at or above it) that serves all files best, and its score."""
    gains = [gain(file, score, profile) for file, score in zip(rated, scores, strict=True)]
    thresholds = np.concatenate([threshold for threshold, _ in gains])
    order = np.argsort(-thresholds, kind="stable")
    thresholds = thresholds[order]
    totals = np.concatenate([gain for _, gain in gains])[order].cumsum()
    last_of_ties = np.append(thresholds[1:] != thresholds[:-1], True) if thresholds.size else np.zeros(0, bool)
    totals, thresholds = totals[last_of_ties], thresholds[last_of_ties]
    if not totals.size or totals.max() <= 0:
        return Result(math.inf, 0.0)
    top = int(totals.argmax())
    return Result(float(thresholds[top]), normalise(float(totals[top]), sum(file.windows for file in rated), profile))


def at(rated: Sequence[Rated], scores: Sequence[Floats], profile: Profile, threshold: float) -> float:
    """Return the normalised score of all files at a given threshold."""
    total = sum(gained(file, score, profile, threshold) for file, score in zip(rated, scores, strict=True))
    return normalise(total, sum(file.windows for file in rated), profile)


def gained(rated: Rated, scores: Floats, profile: Profile, threshold: float) -> float:
    """Return what the detections at a threshold gain in one file over never alerting, in windows."""
    thresholds, gains = gain(rated, scores, profile)
    return float(gains[thresholds >= threshold].sum())


def normalise(gained: float, windows: int, profile: Profile) -> float:
    """Return 100 for every window found at its start and nothing else, 0 for what never alerting gains: nothing."""
    perfect = windows * (profile.true_positive + profile.false_negative)
    return 100 * gained / perfect if perfect else 0.0


def gain(rated: Rated, scores: Floats, profile: Profile) -> tuple[Floats, Floats]:
    """Return scores in falling order, and what the total gains when the threshold falls to each of them."""
    rows = np.flatnonzero(scores[rated.probation :] > 0) + rated.probation
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    window, worth = rated.window[rows], rated.worth[rows]
    gains = worth * profile.false_positive
    for number in np.unique(window[window >= 0]):
        mine = window == number
        reached = np.maximum.accumulate(worth[mine] * profile.true_positive)
        gains[mine] = np.diff(reached, prepend=-profile.false_negative)
    return scores[rows], gains
