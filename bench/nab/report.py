"""`python -m bench.nab`: how good a model is on a labelled archive."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.detector.models import Model
from bench.nab import folds, nab
from bench.nab.archive import ArchiveError, LabelledSeries, read_archive
from bench.nab.deformed import COPIES
from bench.nab.evaluation import Evaluation
from bench.nab.replay import Counts, replay, total

BAD_ARCHIVE = 2


def evaluate(folder: Path, model: type[Model], threshold: float | None, plots: Path | None, *, bent: bool) -> int:
    """Print how good `model` is on the archive in `folder`, and return the exit code.

    `threshold` is that of the counts per file, by default the model's own. With `plots` a PNG of each series is
    written there. `bent`: also on bent copies, and on each category with the threshold that suits the others.
    """
    try:
        archive = read_archive(folder, lambda text: print(f"evaluate: {text}", file=sys.stderr))
    except ArchiveError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return BAD_ARCHIVE
    threshold = model.threshold if threshold is None else threshold
    evaluation = _replay("as it is", archive, model)
    print("\n".join(describe(evaluation, model, threshold)))
    if bent:
        variants = {name: _replay(name, [bend(series) for series in archive], model) for name, bend in COPIES.items()}
        print("\n".join(folds.describe({"as it is": evaluation, **variants}, model, threshold)))
    if plots is not None:
        from bench.nab.plots import plot

        for series, scores in zip(archive, evaluation.scores, strict=True):
            plot(series, scores, threshold, plots / f"{series.name.removesuffix('.csv')}.png")
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


def _replay(copy: str, archive: Sequence[LabelledSeries], model: type[Model]) -> Evaluation:
    replayed = []
    for done, series in enumerate(archive, 1):
        _progress(f"{copy}: {done}/{len(archive)} {series.name}")
        replayed.append(replay(series, model))
    _progress("")
    return Evaluation(archive, [nab.rate(series) for series in archive], replayed)


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
