"""The metrics that each device has sent, as far as this process knows: a device may have so many and no more.

The ingestor, which knows the database, is the one that keeps the bound (`apps.storage.series`); here most of what it
would reject is refused already in the answer to the device. A name that was not sent for a day is forgotten here:
it may have been forgotten there.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from apps.domain.errors import MetricLimitError
from apps.domain.readings import Validated

MAX_NAMES = 200_000
"""Names that are kept in memory. Beyond, what was known of the device that was silent for longest is forgotten."""


DAY_SECONDS = 86_400.0


class KnownMetrics:
    """At most `limit` metrics for each device. `monotonic` tells the time in seconds."""

    def __init__(self, limit: int, max_names: int = MAX_NAMES, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._max_names = max_names
        self._monotonic = monotonic
        self._metrics: OrderedDict[str, _Names] = OrderedDict()
        self._names = 0

    def admit(self, device_id: str, validated: Validated) -> None:
        """Take in what a device sent. Reject the readings of new metrics beyond the limit, not those of known ones."""
        sent = {reading.metric for reading in validated.readings}
        names = self._metrics.get(device_id) or _Names(self._monotonic())
        before = len(names)
        names.forget_unsent(self._monotonic())
        known = names.known
        if len(new := sent - known) > (room := self._limit - len(known)):
            # In the order in which they stand in the request.
            named = dict.fromkeys(reading.metric for reading in validated.readings if reading.metric in new)
            new = set(list(named)[: max(0, room)])
            validated.restrict(known | new, MetricLimitError(_TEXT.format(limit=self._limit)))
        names.note(sent & (known | new))
        if known or new:
            self._metrics[device_id] = names
            self._metrics.move_to_end(device_id)
            self._names += len(names) - before
        while self._names > self._max_names and len(self._metrics) > 1:
            _, forgotten = self._metrics.popitem(last=False)
            self._names -= len(forgotten)


class _Names:
    """The names that one device sent since a day began, and in the day before."""

    def __init__(self, now: float) -> None:
        self._began_at = now
        self._today: set[str] = set()
        self._yesterday: set[str] = set()

    def __len__(self) -> int:
        return len(self.known)

    @property
    def known(self) -> set[str]:
        return self._today | self._yesterday

    def note(self, names: set[str]) -> None:
        self._today |= names

    def forget_unsent(self, now: float) -> None:
        if now - self._began_at >= DAY_SECONDS:
            # After two days of silence both are too old.
            self._yesterday = self._today if now - self._began_at < 2 * DAY_SECONDS else set()
            self._today, self._began_at = set(), now


_TEXT = "a device may have {limit} metrics, and this one has them: a metric's name must not hold an id or a time"
