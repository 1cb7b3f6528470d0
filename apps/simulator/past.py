"""What a device would have measured before it was registered: so that trends have a past, and the detector has learnt.

It is sent as devices upload what they kept, in its own time, and the device says so in an attribute. That is written
when the device is made and again when all is sent: who is interrupted in between sends the same readings again, which
are stored once, and whoever is not never sends them again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from apps.domain.devices import DeviceSpec
from apps.simulator import fleet
from apps.simulator.fleet import Sample
from apps.simulator.sensors import KINDS

ATTRIBUTE = "simulated_history"

MAX_READINGS = 100_000
"""Of a fleet, while its devices measured at least every `MAX_INTERVAL`."""

MIN_INTERVAL, MAX_INTERVAL = timedelta(minutes=1), timedelta(minutes=10)
"""The detector judges points of one to five minutes, and needs 150 of them."""

BEING_SENT = " (being sent)"


class Past(NamedTuple):
    """When a device measured before it was registered, and how often."""

    since: datetime
    until: datetime
    every: timedelta
    is_resumed: bool = False
    """Some of it may have been sent by a simulation that was interrupted."""

    def text(self) -> str:
        """Return it as the device says it once all is sent."""
        return f"{_written(self.since)} to {_written(self.until)}, every {self.every // timedelta(seconds=1)} s"


def past(devices: Sequence[DeviceSpec], span: timedelta, now: datetime) -> Past:
    """Return the past of a fleet that begins now."""
    series = sum(len(KINDS[device.kind]) for device in devices)
    every = min(max(-(-span * series // (MAX_READINGS * MIN_INTERVAL)) * MIN_INTERVAL, MIN_INTERVAL), MAX_INTERVAL)
    until = now.replace(microsecond=0)
    return Past(until - span, until, every)


def being_sent(device: DeviceSpec, own: Past) -> DeviceSpec:
    """Return a device that says of its past that it is still being sent."""
    return msgspec.structs.replace(device, attributes={**device.attributes, ATTRIBUTE: own.text() + BEING_SENT})


def complete(attributes: Mapping[str, object], own: Past) -> dict[str, object]:
    """Return the attributes of a device whose past was sent."""
    return {**attributes, ATTRIBUTE: own.text()}


def unfinished(attributes: Mapping[str, object]) -> Past | None:
    """Return the past that a device says is still being sent, if it does."""
    found = re.fullmatch(rf"(\S+) to (\S+), every (\d+) s{re.escape(BEING_SENT)}", str(attributes.get(ATTRIBUTE, "")))
    if found is None:
        return None
    since, until = map(datetime.fromisoformat, found.groups()[:2])
    return Past(since, until, timedelta(seconds=int(found[3])), is_resumed=True)


def samples(device: DeviceSpec, own: Past, seed: int) -> Iterator[Sample]:
    """Yield what the device measured then. Nothing goes wrong in it."""
    for sample in fleet.measure(device, own.since, own.every, (), seed):
        if sample.measured >= own.until:
            return
        yield replace(sample, kind="duplicate") if own.is_resumed else sample


def _written(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
