"""`python -m bench.nab`: how good a model is on a labelled archive."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.detector.models import Model
from bench.nab import nab
from bench.nab.archive import ArchiveError, LabelledSeries, read_archive
from bench.nab.replay import Counts, Replayed, count, replay, total

BAD_ARCHIVE = 2


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's scores for every row of an archive."""

    archive: Sequence[LabelledSeries]
    rated: Sequence[nab.Rated]
    replayed: Sequence[Replayed]

    @property
    def scores(self) -> list[nab.Floats]:
        """The scores of each series."""
        return [replayed.scores for replayed in self.replayed]

    @property
    def seconds_per_million(self) -> float:
        """Seconds of CPU that the model takes for a million points."""
        return (
            1e6
            * sum(replayed.seconds for replayed in self.replayed)
            / sum(len(series.times) for series in self.archive)
        )

    def counts(self, threshold: float) -> list[Counts]:
        """Return what each series' detections found at a threshold."""
        return [
            count(series, rated, scores, threshold)
            for series, rated, scores in zip(self.archive, self.rated, self.scores, strict=True)
        ]

    def best(self, profile: nab.Profile) -> nab.Result:
        """Return the one threshold that serves all files best, and its score."""
        return nab.best(self.rated, self.scores, profile)

    def cross_validated(self, profile: nab.Profile) -> float | None:
        """Return the score when the threshold for each category is the best for the others, if there are others."""
        categories = list(dict.fromkeys(series.category for series in self.archive))
        if len(categories) < 2:
            return None
        total, windows = 0.0, 0
        for category in categories:
            held = [series.category == category for series in self.archive]
            threshold = nab.best(*self._only([not is_held for is_held in held]), profile).threshold
            for rated, scores in zip(*self._only(held), strict=True):
                total += nab.gained(rated, scores, profile, threshold)
                windows += rated.windows
        return nab.normalise(total, windows, profile)

    def _only(self, wanted: Sequence[bool]) -> tuple[list[nab.Rated], list[nab.Floats]]:
        rows = [row for row, is_wanted in enumerate(wanted) if is_wanted]
        return [self.rated[row] for row in rows], [self.scores[row] for row in rows]


def evaluate(folder: Path, model: type[Model], threshold: float | None, plots: Path | None) -> int:
    """Print how good `model` is on the archive in `folder`, and return the exit code.

    `threshold` is that of the counts per file, by default the model's own. With `plots` a PNG of each series is
    written there.
    """
    try:
        archive = read_archive(folder, lambda text: print(f"evaluate: {text}", file=sys.stderr))
    except ArchiveError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return BAD_ARCHIVE
    threshold = model.threshold if threshold is None else threshold
    replayed = []
    for done, series in enumerate(archive, 1):
        _progress(f"{done}/{len(archive)} {series.name}")
        replayed.append(replay(series, model))
    _progress("")
    evaluation = Evaluation(archive, [nab.rate(series) for series in archive], replayed)
    print("\n".join(describe(evaluation, model, threshold)))
    if plots is not None:
        from bench.nab.plots import plot

        for series, result in zip(archive, replayed, strict=True):
            plot(series, result.scores, threshold, plots / f"{series.name.removesuffix('.csv')}.png")
        print(f"\n{len(archive)} pictures in {plots}")
    return 0


def describe(evaluation: Evaluation, model: type[Model], threshold: float) -> list[str]:
    """Return the lines of the report."""
    counts = evaluation.counts(threshold)
    width = max(len(series.name) for series in evaluation.archive)
    lines = [f"{'file':<{width}}   rows  windows  found  detections  false  score"]
    for series, rated, found, scores in zip(
        evaluation.archive, evaluation.rated, counts, evaluation.scores, strict=True
    ):
        lines.append(
            f"{series.name:<{width}} {len(series.times):>6} {found.windows:>8} {found.found:>6} {found.detections:>11} "
            f"{found.false_alarms:>6} {_score_of_file(rated, scores, threshold)}"
        )
    lines += ["", f"{model.name} {model.version}"]
    for profile in nab.PROFILES:
        best, validated = evaluation.best(profile), evaluation.cross_validated(profile)
        lines.append(
            f"NAB {profile.name:<13} {best.score:6.1f}   threshold {best.threshold:.3f}"
            f"; at {threshold:g} {nab.at(evaluation.rated, evaluation.scores, profile, threshold):.1f}"
            + ("" if validated is None else f"; with a threshold learnt on the other categories {validated:.1f}")
        )
    best_threshold = evaluation.best(nab.STANDARD).threshold
    lines += [
        "",
        _summary(f"at the threshold {threshold:g}", total(counts)),
        _summary(f"at NAB's best {best_threshold:.3f}", total(evaluation.counts(best_threshold))),
        f"speed: {evaluation.seconds_per_million:.1f} s of CPU per million points",
    ]
    return lines


def _score_of_file(rated: nab.Rated, scores: nab.Floats, threshold: float) -> str:
    if not rated.windows:
        return f"{nab.gained(rated, scores, nab.STANDARD, threshold):+6.2f}"
    return f"{nab.at([rated], [scores], nab.STANDARD, threshold):6.1f}"


def _summary(title: str, counts: Counts) -> str:
    return (
        f"{title}: found {counts.found} of {counts.windows} windows (recall {counts.recall:.2f}), "
        f"window precision {counts.window_precision:.2f}, event precision {counts.event_precision:.2f}, "
        f"{counts.false_alarms} false alarms = {counts.false_alarms_per_day:.3f} per series and day"
    )


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def positive(text: str) -> float:
    """Read a threshold from the command line. Raises ValueError when it is no positive number."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(text)
    return value
