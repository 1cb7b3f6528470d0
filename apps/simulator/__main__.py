"""Run the simulator."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec

from apps.domain.devices import DeviceSpec
from apps.simulator import fleet, replay
from apps.simulator.errors import ArgumentsError, PlatformUnavailableError, ReplayError
from apps.simulator.faults import Fault, FaultKind
from apps.simulator.fleet import Sample
from apps.simulator.options import fail, parser
from apps.simulator.simulation import SimulationOptions, simulate


class Plan(NamedTuple):
    """Who sends what."""

    devices: list[DeviceSpec]
    samples: Callable[[DeviceSpec, datetime], Iterator[Sample]]
    oldest: Mapping[str, datetime] = {}
    left_out: int = 0


def main() -> int:
    """Return the exit code."""
    options = parser().parse_args()
    logging.basicConfig(level=logging.WARNING)
    try:
        plan = {"run": _live, "load": _load, "replay": _replay}[options.command](options)
        token = options.token_file.read_text().strip()
        simulation = SimulationOptions(
            api=options.api,
            token=token,
            seed=options.seed,
            batch=options.batch,
            every=getattr(options, "every", None),
            concurrency=options.concurrency,
            url_seconds=options.url_seconds,
            compress=options.gzip,
            oldest=plan.oldest,
            left_out=plan.left_out,
            history=timedelta(hours=hours) if (hours := getattr(options, "history", None)) else None,
            report=options.report,
            progress=options.progress_file,
        )
        report = asyncio.run(_until_interrupted(simulation, plan))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}")
    except (ArgumentsError, ReplayError) as error:
        return fail(str(error))
    except PlatformUnavailableError as error:
        return fail(str(error), 1)
    print(msgspec.json.encode(report).decode())
    return 0 if report["unknown"] == 0 else 1


async def _until_interrupted(simulation: SimulationOptions, plan: Plan) -> dict[str, Any]:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return await simulate(simulation, plan.devices, plan.samples, stopping)


def _live(options: argparse.Namespace) -> Plan:
    devices = fleet.fleet(options.devices, options.prefix)
    every = fleet.interval(devices, options.rate)
    for fault in options.fault:
        if not any(fault.affects(device.device_id) for device in devices):
            raise ArgumentsError(f"--fault: no device is called like {fault.device!r}: they are {fleet.names(devices)}")

    def samples(device: DeviceSpec, start: datetime) -> Iterator[Sample]:
        sent = fleet.in_sending_order(fleet.measure(device, start, every, options.fault, options.seed))
        if options.duration is None:
            return sent
        end = start + timedelta(seconds=options.duration)
        return takewhile(lambda sample: sample.due < end, sent)

    return Plan(devices, samples)


def _load(options: argparse.Namespace) -> Plan:
    devices = fleet.fleet(options.devices, options.prefix)
    faults = [
        Fault(FaultKind.DUPLICATE, share=options.duplicates),
        Fault(FaultKind.MALFORMED, share=options.malformed),
    ]
    share, rest = divmod(options.readings, len(devices))
    readings = {device.device_id: share + (number < rest) for number, device in enumerate(devices)}

    def samples(device: DeviceSpec, now: datetime) -> Iterator[Sample]:
        return fleet.in_sending_order(fleet.history(device, now, readings[device.device_id], faults, options.seed))

    return Plan(devices, samples)


def _replay(options: argparse.Namespace) -> Plan:
    if options.device is not None and len(options.files) > 1:
        raise ArgumentsError("--device names one device, but there are several files: leave it out")
    files = {options.device or replay.device_id_of(path): path for path in options.files}
    if len(files) < len(options.files):
        raise ArgumentsError("two files have the same name, which is their device id: replay them one by one")
    series = {device_id: replay.read_csv(path) for device_id, path in files.items()}

    def samples(device: DeviceSpec, start: datetime) -> Iterator[Sample]:
        metric = options.metric or replay.metric_of(files[device.device_id])
        return replay.replay(series[device.device_id].rows, metric, start, options.speed, shift=options.start == "now")

    devices = [DeviceSpec(device_id=device_id, kind=options.kind, labels=("replayed",)) for device_id in files]
    is_shifted = options.start == "now"
    oldest = {} if is_shifted else {name: min(read.rows)[0] for name, read in series.items() if read.rows}
    return Plan(devices, samples, oldest, sum(read.gaps for read in series.values()))


if __name__ == "__main__":
    sys.exit(main())
