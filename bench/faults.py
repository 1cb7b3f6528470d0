"""Which faults of sensors the detector finds, and what forecasts would add: `python -m bench.faults [--fleets N]`.

Each kind of fault of the simulator that changes values, on each sensor of each kind of device: a reading every five
minutes, three healthy weeks, then the fault for six hours. Found is what has a detection while the fault lasts. What
the forecasts add is measured as `bench.bands` says.
"""

import argparse
import random
import statistics
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from apps.detector.forecast_rule import HOURS, MARGINS
from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.domain.devices import DeviceSpec
from apps.simulator import fleet
from apps.simulator.faults import Fault, FaultKind
from apps.simulator.sensors import KINDS
from bench import bands

EVERY = timedelta(minutes=5)
HEALTHY = timedelta(days=21)
LASTS = timedelta(hours=6)
START = datetime(2026, 10, 1, tzinfo=UTC)
SPIKES = 0.1
"""Part of the readings that a fault of spikes touches."""

FAULTS = (FaultKind.SPIKE, FaultKind.SHIFT, FaultKind.DRIFT, FaultKind.NOISY, FaultKind.STUCK, FaultKind.UNTIMELY)
"""The others change no value."""


class Found(NamedTuple):
    """What came of one sensor with one fault. Times are in minutes since the fault began, None where nothing came."""

    by_rarity: float | None
    by_bands: float | None
    early_by_rarity: int
    early_by_bands: int
    """False alarms before the fault began."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--fleets", type=int, default=3, help="devices of each kind (%(default)s)")
    options = parser.parse_args()
    devices = fleet.fleet(options.fleets * len(KINDS))
    print("| fault | sensors | rarity | median after | forecast | median after | either |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    every: list[Found] = []
    for kind in FAULTS:
        found = [sensor for device in devices for sensor in judge(device, kind)]
        every += found
        either = sum(sensor.by_rarity is not None or sensor.by_bands is not None for sensor in found)
        rarity = _summary([sensor.by_rarity for sensor in found])
        by_bands = _summary([sensor.by_bands for sensor in found])
        print(f"| {kind} | {len(found)} | {rarity} | {by_bands} | {either} |", flush=True)
    days = len(every) * HEALTHY / timedelta(days=1)
    judged = len(every) * (HEALTHY - timedelta(days=14)) / timedelta(days=1)
    print(
        f"False alarms a healthy sensor and day: rarity {sum(sensor.early_by_rarity for sensor in every) / days:.4f}, "
        f"forecast {sum(sensor.early_by_bands for sensor in every) / judged:.4f}"
    )


def judge(device: DeviceSpec, kind: FaultKind) -> list[Found]:
    """Let every sensor of a device have a fault."""
    begin = HEALTHY + timedelta(minutes=5 * random.Random(f"{device.device_id}/{kind}").randrange(288))
    share = SPIKES if kind is FaultKind.SPIKE else 1
    fault = Fault(kind, start=begin.total_seconds(), duration=LASTS.total_seconds(), share=share)
    values: dict[str, list[tuple[float, float]]] = {}
    for sample in fleet.measure(device, START, EVERY, (fault,), seed=7):
        if sample.measured >= START + begin + LASTS:
            break
        reading = msgspec.json.decode(sample.data)
        values.setdefault(reading["metric"], []).append((sample.measured.timestamp(), reading["value"]))
    return [_judge(readings, (START + begin).timestamp()) for readings in values.values()]


def _judge(readings: list[tuple[float, float]], begin: float) -> Found:
    times, measured = zip(*readings, strict=True)
    model = Rarity()
    rare = [time for time, value in readings if model.update(Point.of(time, value)).value >= model.threshold]
    scores = bands.alarms(times, bands.distances(times, measured), HOURS, MARGINS)
    outside = [time for time, score in zip(times, scores, strict=True) if score]
    return Found(_after(rare, begin), _after(outside, begin), _before(rare, begin), _before(outside, begin))


def _after(times: list[float], begin: float) -> float | None:
    return next(((time - begin) / 60 for time in times if time >= begin), None)


def _before(times: list[float], begin: float) -> int:
    return sum(time < begin for time in times)


def _summary(minutes: list[float | None]) -> str:
    found = [minute for minute in minutes if minute is not None]
    return f"{len(found)} | {statistics.median(found):.0f} min" if found else "0 | "


if __name__ == "__main__":
    main()
