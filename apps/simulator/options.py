"""The command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec

from apps.domain.devices import DeviceId, Kind
from apps.domain.readings import Metric
from apps.simulator.faults import FAULT_SYNTAX, MEANINGS, Fault, parse_fault

EPILOG = """\
faults:
  {form}: all devices and the whole run, unless DEVICE (an id; * and ? stand for anything)
  and START, DURATION (seconds of the run) say otherwise. For example --fault drift:sim-power-001@60+120
{faults}

report and progress (JSON):
  left_out    lines of replayed files that hold no value: nothing, nan, unavailable and the like
  sent        readings handed to the gateway, each counted once however often its request was repeated
  accepted    readings that the gateway acknowledged
  refused     readings that the gateway refused, malformed ones as they should be
  distinct    accepted readings without the repeated ones: exactly what the database must hold
  unknown     readings whose fate was still unknown at the end (0 unless the platform was down)
  latency_seconds   from the first try of a request to its answer
  errors      what else happened, with counts

exit code:
  0 when the fate of every reading is known, 1 when not or when the platform cannot be used, 2 for bad arguments
"""


def _is(kind: Any, form: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {form}") from None

    return read


COUNT = _is(Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)], "a whole number from 1 on")
POSITIVE = _is(Annotated[float, msgspec.Meta(gt=0, le=1e9)], "a number over 0")
SHARE = _is(Annotated[float, msgspec.Meta(ge=0, le=1)], "a share from 0 to 1")
NAME = "made of letters, digits, '.', '_' and '-'"
PREFIX = _is(Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")], NAME)
DEVICE = _is(DeviceId, NAME)
METRIC = _is(Metric, "a metric: lower case letters, digits and '_'")
KIND = _is(Kind, "a kind: lower case letters, digits, '_' and '-'")
URL = _is(Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s]+/?$")], "like http://127.0.0.1:8080")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        sys.exit(fail(f"{message} (see {self.prog} --help)"))


def fail(message: str, code: int = 2) -> int:
    """Print one line to standard error and return the exit code."""
    print(f"simulator: {message}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m apps.simulator`."""
    faults = "\n".join(f"  {kind:<11} {meaning}" for kind, meaning in MEANINGS.items())
    top = Parser(
        prog="python -m apps.simulator",
        description="Devices that behave like real ones: they register, ask for upload URLs, PUT their readings and "
        "repeat what was not acknowledged.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    how = _platform_options()

    def add(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=what,
            description=what[0].upper() + what[1:] + ".",
            parents=[how],
            epilog=EPILOG.format(form=FAULT_SYNTAX, faults=faults),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    run = add("run", "a fleet that measures in real time")
    _fleet_options(run)
    run.add_argument(
        "--rate", type=POSITIVE, metavar="N", default=20, help="readings a second of all devices together (20)"
    )
    run.add_argument("--duration", type=POSITIVE, metavar="SECONDS", help="stop after this time (until interrupted)")
    run.add_argument(
        "--history",
        type=POSITIVE,
        metavar="HOURS",
        help="new devices first send what they would have measured so long before (none)",
    )
    run.add_argument("--every", type=POSITIVE, default=1, metavar="SECONDS", help="a device sends this often (1)")
    run.add_argument(
        "--fault", type=_fault, action="append", default=[], metavar=FAULT_SYNTAX, help="a fault; may be repeated"
    )

    load = add("load", "a known number of readings, as quickly as the platform takes them")
    _fleet_options(load)
    load.add_argument("--readings", type=COUNT, metavar="N", default=100_000, help="distinct valid readings (100000)")
    load.add_argument(
        "--duplicates", type=SHARE, metavar="SHARE", default=0, help="share of readings that are sent twice (0)"
    )
    load.add_argument(
        "--malformed", type=SHARE, metavar="SHARE", default=0, help="malformed readings for each valid one (0)"
    )

    replay = add("replay", "files of timestamp,value, a device each")
    replay.add_argument("files", type=Path, nargs="+", metavar="CSV", help="file with the columns timestamp and value")
    replay.add_argument("--device", type=DEVICE, metavar="ID", help="device id (from the file's name)")
    replay.add_argument("--metric", type=METRIC, metavar="NAME", help="metric (from the file's name)")
    replay.add_argument("--kind", type=KIND, metavar="NAME", default="replay", help="kind of the devices (replay)")
    replay.add_argument(
        "--speed", type=POSITIVE, metavar="N", default=1, help="how many times as fast as it was measured (1)"
    )
    replay.add_argument(
        "--from",
        dest="start",
        choices=("now", "file"),
        default="file",
        help="timestamps as in the file, or now, now + 1 s ... as they are sent (file)",
    )
    replay.add_argument("--every", type=POSITIVE, default=1, metavar="SECONDS", help="a device sends this often (1)")
    return top


def _platform_options() -> Parser:
    how = Parser(add_help=False)
    how.add_argument(
        "--api", type=URL, metavar="URL", default="http://127.0.0.1:8080", help="the platform (http://127.0.0.1:8080)"
    )
    how.add_argument("--token-file", type=Path, metavar="FILE", required=True, help="file with the operator token")
    how.add_argument("--seed", type=int, metavar="N", default=0, help="same seed, same readings (0)")
    how.add_argument("--batch", type=COUNT, metavar="N", default=500, help="maximum readings of a request (500)")
    how.add_argument("--concurrency", type=COUNT, metavar="N", default=32, help="maximum requests at a time (32)")
    how.add_argument(
        "--url-seconds",
        type=COUNT,
        metavar="SECONDS",
        default=3600,
        help="life of an upload URL, renewed in time (3600)",
    )
    how.add_argument("--gzip", action="store_true", help="compress the bodies")
    how.add_argument("--report", type=Path, metavar="FILE", help="write the counts here at the end")
    how.add_argument("--progress-file", type=Path, metavar="FILE", help="write the counts here every second")
    return how


def _fleet_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--devices", type=COUNT, metavar="N", default=20, help="size of the fleet (20)")
    command.add_argument(
        "--prefix", type=PREFIX, metavar="TEXT", default="sim", help="device ids begin with this (sim)"
    )


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
