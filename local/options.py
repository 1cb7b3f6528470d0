"""The options of `nox -s local -- ...`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.simulator.faults import FAULT_SYNTAX, MEANINGS, FaultKind, parse_fault
from apps.simulator.fleet import fleet, names


@dataclass(frozen=True, slots=True)
class Options:
    """How to run the stack."""

    port: int = 8080
    devices: int = 12
    rate: float = 50
    duration: float | None = None
    simulator: bool = True
    history: bool = True
    login: bool = False
    fresh: bool = False
    report: Path | None = None
    faults: tuple[str, ...] = ()
    notifications: Path | None = None


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line. Ends the process with code 2 and a line that says what is wrong."""
    parser = _parser()
    read = parser.parse_args(arguments)
    if read.simulator:
        devices = fleet(read.devices)
        for text in read.fault:
            if not any(parse_fault(text).affects(device.device_id) for device in devices):
                parser.error(f"argument --fault: {text}: no device is called so: they are {names(devices)}")
    return Options(
        port=read.port,
        devices=read.devices,
        rate=read.rate,
        duration=read.duration,
        simulator=read.simulator,
        history=not read.no_history,
        login=read.login,
        fresh=read.fresh,
        report=read.report,
        faults=tuple(read.fault),
        notifications=read.notifications,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nox -s local --",
        description="Run the whole platform on this machine. Ctrl-C stops it; the next start finds its data again.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port",
        type=_integer(1024, 65_500),
        default=8080,
        help="front door; services take the ports after it (8080)",
    )
    parser.add_argument("--devices", type=_integer(1, 10_000), default=12, help="simulated devices (12)")
    parser.add_argument("--rate", type=_positive, default=50.0, help="readings a second of the whole fleet (50)")
    parser.add_argument("--duration", type=_positive, metavar="SECONDS", help="stop after this time and count")
    parser.add_argument(
        "--no-simulator", action="store_false", dest="simulator", help="start without simulated devices"
    )
    parser.add_argument("--no-history", action="store_true", help="new devices bring no day of history with them")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar=FAULT_SYNTAX,
        help=f"fault that the simulator plays, of the kinds {', '.join(FaultKind)}; may be repeated",
    )
    parser.add_argument("--login", action="store_true", help="let people sign in, instead of being the local operator")
    parser.add_argument(
        "--notifications",
        type=Path,
        metavar="FILE",
        help="YAML that says who is told of which alerts, as `notifications` of a stack does; "
        "without it a receiver in this terminal",
    )
    parser.add_argument("--fresh", action="store_true", help="delete the data of earlier runs first")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what was counted as JSON at the end")
    return parser


_EPILOG = f"""\
faults, played from START on for DURATION seconds; without a time always, without a device of all:
{chr(10).join(f"  {kind:<10} {meaning}" for kind, meaning in MEANINGS.items())}

devices, of 12: {names(fleet(12))}; * and ? stand for anything
ports: the front door has --port, each service one of those after it; the table that is shown names all

for example, a device that stops after a minute for two:
  nox -s local -- --devices 24 --fault dropout:sim-humidity-001@60+120
"""


def _integer(minimum: int, maximum: int) -> "type[int]":
    def read(text: str) -> int:
        if not (text.isdigit() and minimum <= int(text) <= maximum):
            raise argparse.ArgumentTypeError(f"must be a whole number from {minimum} to {maximum}, not {text!r}")
        return int(text)

    return read  # type: ignore[return-value]  # argparse takes any callable


def _fault(text: str) -> str:
    try:
        parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return value
