"""What a model is worth on what it was not made with: bent copies, and categories that were left out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from apps.detector.models import Model
from bench.nab import nab
from bench.nab.evaluation import Evaluation
from bench.nab.replay import Counts, total

MAX_FALSE_ALARMS = 0.04
"""A series and day: a threshold is chosen among those that keep to it where it is chosen."""

THRESHOLDS = np.round(np.arange(4.5, 8.01, 0.05), 2).tolist()

COLUMNS = "NAB standard | recall | event precision | window precision | false alarms a day |"


class Outcome(NamedTuple):
    """What the detections at a threshold are worth."""

    gained: float
    """Over never alerting, in windows, by NAB's standard profile."""
    counts: Counts


def describe(variants: Mapping[str, Evaluation], model: type[Model], threshold: float) -> list[str]:
    """Return two tables in Markdown.

    The first of `variants` are the series as they are: on those a left-out category is judged, with the threshold that
    was chosen on all copies of the others. Where nothing is left out, it is the threshold to run with.
    """
    lines = ["", f"{model.name} {model.version} at {threshold:g}", "", f"| Copy | {COLUMNS}", _rule(6)]
    for name, evaluation in variants.items():
        (outcome,) = outcomes(evaluation, [threshold])
        lines.append(f"| {name} | {_figures(outcome)}")
    as_it_is = next(iter(variants.values()))
    by_category = {
        category: [outcomes(evaluation.only(category), THRESHOLDS) for evaluation in variants.values()]
        for category in as_it_is.categories
    }
    lines += ["", f"| Left out | threshold | {COLUMNS}", _rule(7)]
    folds = []
    for category, (held, *_) in by_category.items():
        others = [copy for other, all_variants in by_category.items() if other != category for copy in all_variants]
        chosen = _choose(others)
        folds.append(held[chosen])
        lines.append(f"| {category} | {THRESHOLDS[chosen]:g} | {_figures(held[chosen])}")
    lines.append(f"| **all folds together** | | {_figures(_sum(folds))}")
    runs = _choose([copy for all_variants in by_category.values() for copy in all_variants])
    together = _sum([held[runs] for held, *_ in by_category.values()])
    lines.append(f"| nothing | {THRESHOLDS[runs]:g} | {_figures(together)}")
    return lines


def outcomes(evaluation: Evaluation, thresholds: Sequence[float]) -> list[Outcome]:
    """Return what the detections at each threshold are worth."""
    gains = [
        nab.gain(rated, scores, nab.STANDARD) for rated, scores in zip(evaluation.rated, evaluation.scores, strict=True)
    ]
    return [
        Outcome(
            sum(float(gain[scores >= threshold].sum()) for scores, gain in gains), total(evaluation.counts(threshold))
        )
        for threshold in thresholds
    ]


def _choose(variants: Sequence[Sequence[Outcome]]) -> int:
    return choose([_sum(at_threshold) for at_threshold in zip(*variants, strict=True)])


def choose(at_thresholds: Sequence[Outcome]) -> int:
    """Return which has the best NAB score and keeps to `MAX_FALSE_ALARMS`, the last one where none does."""
    indexes = range(len(at_thresholds))
    allowed = [index for index in indexes if at_thresholds[index].counts.false_alarms_per_day <= MAX_FALSE_ALARMS]
    return max(allowed or indexes[-1:], key=lambda index: at_thresholds[index].gained)


def _sum(parts: Sequence[Outcome]) -> Outcome:
    return Outcome(sum(part.gained for part in parts), total([part.counts for part in parts]))


def _figures(outcome: Outcome) -> str:
    counts = outcome.counts
    if not counts.windows:
        return f"no window | | | | {counts.false_alarms_per_day:.3f} |"
    return (
        f"{nab.normalise(outcome.gained, counts.windows, nab.STANDARD):.1f} | {counts.recall:.2f} | "
        f"{counts.event_precision:.2f} | {counts.window_precision:.2f} | {counts.false_alarms_per_day:.3f} |"
    )


def _rule(columns: int) -> str:
    return "| --- |" + " ---: |" * (columns - 1)
