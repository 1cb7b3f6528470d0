"""The simulated fleet of the stack."""

import sys
from pathlib import Path

import msgspec

from local.options import Options
from local.paths import Places
from local.plan import Surroundings
from local.process.children import Program
from local.report import Sent

NAME = "simulator"

LABEL = "simulated"
"""What the simulator labels its devices with."""


def program(options: Options, around: Surroundings, operator_token: Path, places: Places) -> Program:
    """Return the simulator as a program to keep."""
    return Program(
        name=NAME,
        command=(
            *(sys.executable, "-m", "apps.simulator", "run"),
            f"--api={around.front_door}",
            f"--token-file={operator_token}",
            f"--devices={options.devices}",
            f"--rate={options.rate}",
            f"--report={counts(places)}",
            *(f"--fault={fault}" for fault in options.faults),
        ),
        log=places.logs / f"{NAME}.log",
    )


def counted(places: Places) -> Sent | None:
    """Return what the simulator counted, or None when it did not come to its end, or never began."""
    path = counts(places)
    return msgspec.json.decode(path.read_bytes(), type=Sent) if path.exists() else None


def counts(places: Places) -> Path:
    """Return the file that the simulator writes its counts to when it ends."""
    return places.home / "simulator.json"
