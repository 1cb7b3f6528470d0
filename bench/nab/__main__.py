"""`python -m bench.nab DIR`: measures a model of the detector on labelled series."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.detector.baseline import ZScore
from apps.detector.models import Model
from apps.detector.rarity import Rarity
from bench.nab.report import evaluate, positive

MODELS: dict[str, type[Model]] = {model.name: model for model in (Rarity, ZScore)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate what the command line names and return the exit code."""
    options = _parser().parse_args(arguments)
    return evaluate(options.folder, MODELS[options.model], options.threshold, options.plots, bent=options.bent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.nab",
        description=(
            "Replays labelled series row by row through a model that sees nothing but the rows so far, and prints: "
            "what it found in each file, the score of the Numenta Anomaly Benchmark (NAB) for its three profiles, "
            "recall and precision, false alarms per series and day, and the time it takes. Exit code 2: the archive "
            "cannot be read."
        ),
    )
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="archive in NAB's format: data/<category>/<name>.csv (timestamp,value) and labels/combined_windows.json",
    )
    parser.add_argument("--model", choices=MODELS, default=Rarity.name, help="default: %(default)s")
    parser.add_argument(
        "--threshold",
        type=positive,
        metavar="SCORE",
        help="threshold of the counts and plots; default: the model's own",
    )
    parser.add_argument(
        "--plots", type=Path, metavar="DIR", help="write a PNG for each file: series, score, windows and detections"
    )
    parser.add_argument(
        "--bent",
        action="store_true",
        help="also replay copies that are bent out of shape, and judge each category with the threshold that suits "
        "the others; takes ten times as long",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
