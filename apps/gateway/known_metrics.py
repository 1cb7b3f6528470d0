"""The metrics that each device has sent, as far as this process knows: a device may have so many and no more.

The ingestor, which knows the database, is the one that keeps the bound (`apps.storage.series`); here most of what it
would reject is refused already in the answer to the device.
"""

from collections import OrderedDict

from apps.domain.errors import MetricLimitError
from apps.domain.readings import Validated

MAX_NAMES = 200_000
"""Names that are kept in memory. Beyond, what was known of the device that was silent for longest is forgotten."""


class KnownMetrics:
    """At most `limit` metrics for each device."""

    def __init__(self, limit: int, max_names: int = MAX_NAMES) -> None:
        self._limit = limit
        self._max_names = max_names
        self._metrics: OrderedDict[str, set[str]] = OrderedDict()
        self._names = 0

    def admit(self, device_id: str, validated: Validated) -> None:
        """Take in what a device sent. Reject the readings of new metrics beyond the limit, not those of known ones."""
        known = self._metrics.get(device_id, set())
        if new := {reading.metric for reading in validated.readings} - known:
            if len(new) > (room := self._limit - len(known)):
                # In the order in which they stand in the request.
                named = dict.fromkeys(reading.metric for reading in validated.readings if reading.metric in new)
                new = set(list(named)[:room])
                validated.restrict(known | new, MetricLimitError(_TEXT.format(limit=self._limit)))
            known |= new
            self._metrics[device_id] = known
            self._names += len(new)
        if known:
            self._metrics.move_to_end(device_id)
        while self._names > self._max_names and len(self._metrics) > 1:
            _, forgotten = self._metrics.popitem(last=False)
            self._names -= len(forgotten)


_TEXT = "a device may have {limit} metrics, and this one has them: a metric's name must not hold an id or a time"
