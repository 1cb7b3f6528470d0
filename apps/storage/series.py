"""Bounds on series and devices: firmware that writes an id into a metric's name would make them without end, and so
would a producer that writes one into the device's.

A series is one metric of one device, and a row of `latest_readings`. Whoever registers a device wants it, and so did
whoever signed its upload URL; only devices that nobody knows are bounded.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from apps.domain.devices import UNKNOWN_KIND
from apps.domain.readings import StoredReading
from apps.storage.connection import Connection

SeriesName = tuple[str, str]
"""Device and metric."""

MAX_KNOWN = 200_000
"""Series that are remembered to exist; then memory starts anew."""


class MetricLimits(NamedTuple):
    """How many metrics a device may have, and how many of them may be new in a day that is not its first."""

    most: int
    new_a_day: int


@dataclass(slots=True)
class DeviceMetrics:
    """The metrics that a device has, and how many of them it has had for less than a day."""

    names: set[str] = field(default_factory=set)
    new: int = 0
    seconds_to_next: float = 0
    """Until the first of the new ones is a day old, and makes room for another."""

    def room(self, limits: MetricLimits) -> int:
        """Return how many metrics more it may have now. In its first day it may begin with all that it may have."""
        room = limits.most - len(self.names)
        if self.new < len(self.names):
            room = min(room, limits.new_a_day - self.new)
        return max(0, room)

    def add(self, metric: str) -> None:
        """Take in that it has one more."""
        self.names.add(metric)
        self.new += 1


async def device_metrics(connection: Connection, device_ids: Collection[str]) -> dict[str, DeviceMetrics]:
    """Return the metrics of devices that are stored, also of a device that has none."""
    found = {device_id: DeviceMetrics() for device_id in device_ids}
    for row in await connection.fetch(_METRICS, list(device_ids)):
        metrics = found[row["device_id"]]
        metrics.names.add(row["metric"])
        if row["new_for"] is not None:
            metrics.new += 1
            metrics.seconds_to_next = min(row["new_for"], metrics.seconds_to_next or row["new_for"])
    return found


class SeriesLimit:
    """So many metrics for each device, and so many devices that nobody registered.

    Series that there are already always go on.
    """

    def __init__(self, limits: MetricLimits, max_unregistered_devices: int) -> None:
        self._limits = limits
        self._max_unregistered = max_unregistered_devices
        self._known: set[SeriesName] = set()

    async def over_limit(
        self, connection: Connection, readings: Iterable[StoredReading], vouched: Collection[str] = ()
    ) -> Mapping[SeriesName, str]:
        """Return the series of readings, in their order, that would be one too many, and why.

        `vouched`: the devices that the gateway let in.
        """
        unknown = dict.fromkeys((reading.device_id, reading.metric) for reading in readings)
        for name in self._known.intersection(unknown):
            del unknown[name]
        if not unknown:
            return {}
        metrics = await device_metrics(connection, {device_id for device_id, _ in unknown})
        self._remember(name for name in unknown if name[1] in metrics[name[0]].names)
        unwanted = await self._unwanted(connection, [device_id for device_id in metrics if device_id not in vouched])
        over = {}
        for device_id, metric in unknown:
            # What is new is known only when it is committed: then it is found in the table.
            device = metrics[device_id]
            if device_id in unwanted:
                over[device_id, metric] = _UNREGISTERED.format(limit=self._max_unregistered)
            elif metric in device.names:
                continue
            elif device.room(self._limits):
                device.add(metric)
            elif len(device.names) >= self._limits.most:
                over[device_id, metric] = _TOO_MANY_METRICS.format(limit=self._limits.most)
            else:
                over[device_id, metric] = _TOO_MANY_NEW.format(limit=self._limits.new_a_day)
        return over

    async def _unwanted(self, connection: Connection, device_ids: list[str]) -> set[str]:
        """Return the devices that nobody registered and that would be too many."""
        found = {row["device_id"] for row in await connection.fetch(_REGISTERED, device_ids)}
        new = [device_id for device_id in device_ids if device_id not in found]
        if not new:
            return set()
        there: int = await connection.fetchval(_COUNT_UNREGISTERED, UNKNOWN_KIND, self._max_unregistered)
        return set(new[self._max_unregistered - there :])

    def _remember(self, names: Iterable[SeriesName]) -> None:
        if len(self._known) > MAX_KNOWN:
            self._known.clear()
        self._known.update(names)


_METRICS = """
SELECT device_id, metric, nullif(greatest(0, extract(epoch FROM
    first_stored_at + interval '1 day' - clock_timestamp()))::float8, 0) AS new_for
FROM latest_readings WHERE device_id = ANY($1::text[])
"""

_REGISTERED = "SELECT device_id FROM devices WHERE device_id = ANY($1::text[])"

_COUNT_UNREGISTERED = "SELECT count(*) FROM (SELECT FROM devices WHERE kind = $1 LIMIT $2) AS unregistered"

_TOO_MANY_METRICS = "a device may have {limit} metrics, and this one has them"
_TOO_MANY_NEW = "a device may have {limit} new metrics a day after its first, and this one has them"
_UNREGISTERED = (
    "nobody registered this device, and {limit} such devices are there already: register it with POST /api/devices"
)
