"""Bounds on series and devices: firmware that writes an id into a metric's name would make them without end, and so
would a producer that writes one into the device's.

A series is one metric of one device, and a row of `latest_readings`. Whoever registers a device wants it, and so did
whoever signed its upload URL; only devices that nobody knows are bounded.
"""

from collections.abc import Collection, Iterable, Mapping

from apps.domain.devices import UNKNOWN_KIND
from apps.domain.readings import StoredReading
from apps.storage.connection import Connection

SeriesName = tuple[str, str]
"""Device and metric."""

MAX_KNOWN = 200_000
"""Series that are remembered to exist; then memory starts anew."""


class SeriesLimit:
    """At most `max_metrics` metrics for each device, and so many devices that nobody registered.

    Series that there are already always go on.
    """

    def __init__(self, max_metrics: int, max_unregistered_devices: int) -> None:
        self._max_metrics = max_metrics
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
        metrics: dict[str, set[str]] = {device_id: set() for device_id, _ in unknown}
        for row in await connection.fetch(_METRICS, list(metrics)):
            metrics[row["device_id"]].add(row["metric"])
        self._remember(name for name in unknown if name[1] in metrics[name[0]])
        unwanted = await self._unwanted(connection, [each for each in metrics if each not in vouched])
        over = {}
        for device_id, metric in unknown:
            # What is new is known only when it is committed: then it is found in the table.
            if device_id in unwanted:
                over[device_id, metric] = _UNREGISTERED.format(limit=self._max_unregistered)
            elif metric in metrics[device_id] or len(metrics[device_id]) < self._max_metrics:
                metrics[device_id].add(metric)
            else:
                over[device_id, metric] = _TOO_MANY_METRICS.format(limit=self._max_metrics)
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


_METRICS = "SELECT device_id, metric FROM latest_readings WHERE device_id = ANY($1::text[])"

_REGISTERED = "SELECT device_id FROM devices WHERE device_id = ANY($1::text[])"

_COUNT_UNREGISTERED = "SELECT count(*) FROM (SELECT FROM devices WHERE kind = $1 LIMIT $2) AS unregistered"

_TOO_MANY_METRICS = "a device may have {limit} metrics, and this one has them"
_UNREGISTERED = (
    "nobody registered this device, and {limit} such devices are there already: register it with POST /api/devices"
)
