"""Looks once at the platform's signals and the sensors, and raises or resolves alerts."""

import argparse
from collections.abc import Sequence

from apps.detector.run import run
from apps.detector.service import DETECTOR
from apps.detector.settings import DetectorSettings
from apps.platform import process


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says and exit with its code."""
    _parser().parse_args(arguments)
    process.run(DETECTOR, DetectorSettings, run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apps.detector", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "run",
        help="look once at the platform's signals and the sensors, and raise or resolve alerts",
        description=(
            "Looks once at the platform's signals and the sensors, and raises or resolves alerts. Settings come from "
            "the environment. Exit code: 0 it worked (also while no signal has enough samples yet, or another run is "
            "under way), 1 a part failed, 2 bad settings. The log says which."
        ),
    )
    return parser


if __name__ == "__main__":
    main()
