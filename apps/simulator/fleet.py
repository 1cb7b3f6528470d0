"""A fleet of devices and what each of them sends. Pure: the same seed gives the same readings."""

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Literal, NamedTuple

import msgspec

from apps.domain.devices import DeviceSpec
from apps.domain.readings import Reading
from apps.simulator.faults import Fault, FaultKind
from apps.simulator.sensors import KINDS, Sensor, sensor_values

LATENESS = timedelta(seconds=30)
REPEAT_AFTER = timedelta(seconds=2)
DRIFT_SECONDS = 10
SPIKE_DEVIATIONS = 25
SHIFT_DEVIATIONS = 8
NOISY_DEVIATIONS = 5
UNTIMELY_BY = timedelta(hours=12)


class Key(NamedTuple):
    """What makes a reading of a device the same reading."""

    metric: str
    ts: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading as it leaves a device."""

    measured: datetime
    due: datetime
    """When the device sends it."""
    data: bytes
    """Its JSON, right or wrong."""
    kind: Literal["fresh", "duplicate", "conflict", "malformed", "silence"] = "fresh"
    """A conflict has another value than the reading that has its key, and is not taken. Silence stands for what a
    device would have sent: nothing, so that time goes on for those who wait."""
    key: Key | None = None
    """None for what is no reading."""


def fleet(size: int, prefix: str = "sim") -> list[DeviceSpec]:
    """Return `size` devices, the kinds by turns."""
    kinds = list(KINDS)
    return [_device(prefix, kinds[number % len(kinds)], number // len(kinds) + 1) for number in range(size)]


def names(devices: Sequence[DeviceSpec]) -> str:
    """Return what the devices of a fleet are called, kind by kind, for people."""
    of_kind: dict[str, list[str]] = {}
    for device in devices:
        of_kind.setdefault(device.kind, []).append(device.device_id)
    return ", ".join(
        ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1].rpartition('-')[2]}" for ids in of_kind.values()
    )


def interval(devices: Sequence[DeviceSpec], rate: float) -> timedelta:
    """Return the time between two measurements of every device, so that all of them make `rate` readings a second."""
    return timedelta(seconds=sum(len(KINDS[device.kind]) for device in devices) / rate)


def measure(
    device: DeviceSpec, start: datetime, every: timedelta, faults: Sequence[Fault], seed: int
) -> Iterator[Sample]:
    """Yield what a device measures, for ever, in the order of time."""
    # Faults draw from a source of their own: what they leave alone is the same with and without them.
    rng = random.Random(f"{seed}/{device.device_id}/faults")  # noqa: S311 - reproducible, keeps no secret
    sensors = [
        (sensor, sensor_values(sensor, random.Random(f"{seed}/{device.device_id}/{sensor.metric}")))  # noqa: S311
        for sensor in KINDS[device.kind]
    ]
    own = [fault for fault in faults if fault.affects(device.device_id)]
    stuck: dict[str, float] = {}
    for tick in count():
        ts = start + tick * every
        elapsed = (ts - start).total_seconds()
        active = {fault.kind: fault for fault in own if fault.is_active_at(elapsed)}
        for sensor, value_at in sensors:
            value = value_at(ts - UNTIMELY_BY if FaultKind.UNTIMELY in active else ts)
            if FaultKind.STUCK in active:
                value = stuck.setdefault(sensor.metric, value)
            if FaultKind.DROPOUT in active:
                yield Sample(ts, ts, b"", "silence")
            else:
                yield from _samples(sensor, ts, value, elapsed, active, rng)


def history(device: DeviceSpec, end: datetime, readings: int, faults: Sequence[Fault], seed: int) -> Iterator[Sample]:
    """Yield `readings` fresh samples, and what the faults add to them, one a second until `end`."""
    ticks = -(-readings // len(KINDS[device.kind]))
    every = timedelta(seconds=1)
    for sample in measure(device, end - ticks * every, every, faults, seed):
        if sample.kind == "fresh":
            if readings == 0:
                return
            readings -= 1
        yield sample


def in_sending_order(samples: Iterator[Sample]) -> Iterator[Sample]:
    """Yield samples by when they are due; they come by when they were measured."""
    waiting: list[tuple[datetime, int, Sample]] = []
    for number, sample in enumerate(samples):
        while waiting and waiting[0][0] <= sample.measured:
            yield heapq.heappop(waiting)[2]
        heapq.heappush(waiting, (sample.due, number, sample))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _samples(
    sensor: Sensor, ts: datetime, value: float, elapsed: float, active: dict[FaultKind, Fault], rng: random.Random
) -> Iterator[Sample]:
    def strikes(kind: FaultKind) -> bool:
        return kind in active and rng.random() < active[kind].share

    if strikes(FaultKind.DRIFT):
        value += sensor.noise * (elapsed - active[FaultKind.DRIFT].start) / DRIFT_SECONDS
    if strikes(FaultKind.SPIKE):
        value += SPIKE_DEVIATIONS * sensor.noise * rng.choice((-1, 1))
    if strikes(FaultKind.SHIFT):
        value += SHIFT_DEVIATIONS * sensor.noise
    if strikes(FaultKind.NOISY):
        value += rng.gauss(0, NOISY_DEVIATIONS * sensor.noise)
    due = ts + LATENESS if strikes(FaultKind.LATE) else ts
    data = msgspec.json.encode(Reading(metric=sensor.metric, ts=ts, value=round(value, 3)))
    key = Key(sensor.metric, ts)
    yield Sample(ts, due, data, key=key)
    if strikes(FaultKind.DUPLICATE):
        yield Sample(ts, due + REPEAT_AFTER, data, "duplicate", key)
    if strikes(FaultKind.MALFORMED):
        yield Sample(ts, due, rng.choice(_MALFORMED)(sensor.metric, ts.isoformat()), "malformed")


_MALFORMED = (
    lambda metric, ts: msgspec.json.encode({"metric": metric, "ts": ts, "value": "high"}),
    lambda metric, ts: msgspec.json.encode({"metric": metric.upper(), "ts": ts, "value": 1.0}),
    lambda metric, _: msgspec.json.encode({"metric": metric, "ts": "1970-01-01T00:00:07Z", "value": 1.0}),
    lambda metric, ts: msgspec.json.encode({"metric": metric, "ts": ts}),
    lambda *_: b'"ERR 0x17"',
)


def _device(prefix: str, kind: str, number: int) -> DeviceSpec:
    return DeviceSpec(
        device_id=f"{prefix}-{kind}-{number:03d}",
        kind=kind,
        name=f"{kind.capitalize()} sensor {number}",
        labels=("simulated",),
        attributes={f"{sensor.metric}_unit": sensor.unit for sensor in KINDS[kind]},
    )
