"""Watches the platform's signals and the sensors (run), and measures the models that do so (evaluate)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.detector.baseline import ZScore
from apps.detector.evaluation.report import evaluate, threshold
from apps.detector.models import Model
from apps.detector.rarity import Rarity
from apps.detector.run import run
from apps.detector.service import DETECTOR
from apps.detector.settings import DetectorSettings
from apps.platform import process

MODELS: dict[str, type[Model]] = {model.name: model for model in (Rarity, ZScore)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says and exit with its code."""
    options = _parser().parse_args(arguments)
    match options.command:
        case "run":
            process.run(DETECTOR, DetectorSettings, run)
        case "evaluate":
            sys.exit(evaluate(options.folder, MODELS[options.model], options.alarm, options.plots))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.detector", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "run",
        help="look once at the platform's signals and the sensors, and raise or resolve alerts",
        description=(
            "Looks once at the platform's signals and the sensors, and raises or resolves alerts. Settings come from "
            "the environment. Exit code: 0 it worked (or another run is under way), 1 a part failed, 2 bad settings, "
            "3 everything answered but no signal had enough samples to judge. The log says which."
        ),
    )
    evaluating = commands.add_parser(
        "evaluate",
        help="measure a model on labelled series",
        description=(
            "Replays labelled series row by row through a model that sees nothing but the rows so far, and prints: "
            "what it found in each file, the score of the Numenta Anomaly Benchmark (NAB) for its three profiles, "
            "recall and precision, false alarms per series and day, and the time it takes. Exit code 2: the archive "
            "cannot be read."
        ),
    )
    evaluating.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="archive in NAB's format: data/<category>/<name>.csv (timestamp,value) and labels/combined_windows.json",
    )
    evaluating.add_argument("--model", choices=MODELS, default=Rarity.name, help="default: %(default)s")
    evaluating.add_argument(
        "--alarm", type=threshold, metavar="SCORE", help="threshold of the counts and plots; default: the model's own"
    )
    evaluating.add_argument(
        "--plots", type=Path, metavar="DIR", help="write a PNG for each file: series, score, windows and alarms"
    )
    return parser


if __name__ == "__main__":
    main()
