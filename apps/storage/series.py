"""A bound on the series of one device: firmware that writes an id into a metric's name would make them without end.

A series is one metric of one device, and a row of `latest_readings`.
"""

from collections.abc import Collection, Iterable

from apps.domain.readings import StoredReading
from apps.storage.connection import Connection

SeriesName = tuple[str, str]
"""Device and metric."""

MAX_KNOWN = 200_000
"""Series that are remembered to exist; then memory starts anew."""


class SeriesLimit:
    """At most `max_metrics` metrics for each device. Series that there are already always go on."""

    def __init__(self, max_metrics: int) -> None:
        self.max_metrics = max_metrics
        self._known: set[SeriesName] = set()

    async def over_limit(self, connection: Connection, readings: Iterable[StoredReading]) -> Collection[SeriesName]:
        """Return the series of readings, in their order, that would be one too many for their device."""
        unknown = dict.fromkeys((reading.device_id, reading.metric) for reading in readings)
        for name in self._known.intersection(unknown):
            del unknown[name]
        if not unknown:
            return ()
        metrics: dict[str, set[str]] = {device_id: set() for device_id, _ in unknown}
        for row in await connection.fetch(_METRICS, list(metrics)):
            metrics[row["device_id"]].add(row["metric"])
        self._remember(name for name in unknown if name[1] in metrics[name[0]])
        over = set()
        for device_id, metric in unknown:
            # What is new is known only when it is committed: then it is found in the table.
            if metric in metrics[device_id] or len(metrics[device_id]) < self.max_metrics:
                metrics[device_id].add(metric)
            else:
                over.add((device_id, metric))
        return over

    def _remember(self, names: Iterable[SeriesName]) -> None:
        if len(self._known) > MAX_KNOWN:
            self._known.clear()
        self._known.update(names)


_METRICS = "SELECT device_id, metric FROM latest_readings WHERE device_id = ANY($1::text[])"
