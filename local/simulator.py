"""The simulated fleet of the stack."""

import sys
from pathlib import Path

import msgspec

from apps.simulator.faults import MEANINGS, parse_fault
from local.options import Options
from local.paths import Paths
from local.plan import LocalEnvironment
from local.process.children import Program
from local.report import SimulatorCounts

NAME = "simulator"

LABEL = "simulated"
"""What the simulator labels its devices with."""


HISTORY_HOURS = 24
"""What new devices bring with them: the detector learns for a day before it judges."""


def program(options: Options, env: LocalEnvironment, operator_token: Path, paths: Paths) -> Program:
    """Return the simulator as a program to keep."""
    return Program(
        name=NAME,
        command=(
            *(sys.executable, "-m", "apps.simulator", "run"),
            f"--api={env.front_door}",
            f"--token-file={operator_token}",
            f"--devices={options.devices}",
            f"--rate={options.rate}",
            *((f"--history={HISTORY_HOURS}",) if options.history else ()),
            f"--report={counts(paths)}",
            *(f"--fault={fault}" for fault in options.faults),
        ),
        log=paths.logs / f"{NAME}.log",
    )


def state_of(fault: str, elapsed: float) -> str:
    """Return what a fault does, and whether it does so so many seconds after the devices began."""
    read = parse_fault(fault)
    if elapsed < read.start:
        when = f"begins in {read.start - elapsed:.0f} s"
    elif read.is_active_at(elapsed):
        when = "now"
    else:
        when = "over"
    return f"{when} ({MEANINGS[read.kind]})"


def counted(paths: Paths) -> SimulatorCounts | None:
    """Return what the simulator counted, or None when it did not come to its end, or never began."""
    path = counts(paths)
    return msgspec.json.decode(path.read_bytes(), type=SimulatorCounts) if path.exists() else None


def counts(paths: Paths) -> Path:
    """Return the file that the simulator writes its counts to when it ends."""
    return paths.home / "simulator.json"
