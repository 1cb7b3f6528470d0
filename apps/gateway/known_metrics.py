"""The metrics that each device has: so many, and so many new ones a day after its first.

The ingestor, which knows the database, is the one that keeps the bounds (`apps.storage.series`); here what it would
reject is refused already in the answer to the device, as far as this process knows. What it knows is what devices sent
to it, and for a device that sends more names than may be new in a day what the database says. Where the database says
nothing, only the bound on all metrics holds here. A name that was not sent for a day is forgotten here: it may have
been forgotten there.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Set
from typing import NamedTuple

from apps.domain.errors import MetricLimitError
from apps.domain.readings import Validated
from apps.storage.series import DeviceMetrics, MetricLimits

MAX_NAMES = 200_000
"""Names that are kept in memory. Beyond, what was known of the device that was silent for longest is forgotten."""

DAY_SECONDS = 86_400.0
ASK_AGAIN_SECONDS = 60.0
"""What the database said of a device is asked anew after this time at the earliest."""


class ReachedLimit(NamedTuple):
    """The limit that a device has reached, and when it has room again, in seconds; None: not by waiting."""

    name: str
    seconds: int | None


class KnownMetrics:
    """The metrics of devices, within `limits`. `stored` asks the database for those of one device.

    `monotonic` tells the time in seconds.
    """

    def __init__(
        self,
        limits: MetricLimits,
        stored: Callable[[str], Awaitable[DeviceMetrics | None]],
        max_names: int = MAX_NAMES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._stored = stored
        self._max_names = max_names
        self._monotonic = monotonic
        self._metrics: OrderedDict[str, _Names] = OrderedDict()
        self._names = 0

    async def admit(self, device_id: str, validated: Validated) -> ReachedLimit | None:
        """Take in what a device sent. Reject the readings of new metrics beyond a limit, not those of known ones.

        Return the limit that the device has reached, if it has.
        """
        sent = {reading.metric for reading in validated.readings}
        names = self._metrics.get(device_id)
        stored = None
        if (names or _Names(self._monotonic())).is_in_doubt(sent, self._limits, self._monotonic()):
            stored = await self._stored(device_id)
        # Only now, and in one go: another upload of the device may have come meanwhile.
        return self._admit(device_id, validated, sent, stored)

    def _admit(
        self, device_id: str, validated: Validated, sent: Set[str], stored: DeviceMetrics | None
    ) -> ReachedLimit | None:
        names = self._metrics.get(device_id) or _Names(self._monotonic())
        before = len(names)
        names.forget_unsent(self._monotonic())
        if stored is not None:
            names.confirm(stored, self._monotonic())
        known, reached = names.known, None
        if len(new := sent - known) > (room := names.room(self._limits)):
            reached = names.limit_reached(self._limits)
            # In the order in which they stand in the request.
            named = dict.fromkeys(reading.metric for reading in validated.readings if reading.metric in new)
            new = set(list(named)[:room])
            limit = self._limits.most if reached.seconds is None else self._limits.new_a_day
            validated.restrict(known | new, MetricLimitError(_TEXTS[reached.name].format(limit=limit)))
        names.note(sent & (known | new))
        if known or new:
            self._metrics[device_id] = names
            self._metrics.move_to_end(device_id)
            self._names += len(names) - before
        while self._names > self._max_names and len(self._metrics) > 1:
            _, forgotten = self._metrics.popitem(last=False)
            self._names -= len(forgotten)
        return reached


class _Names:
    """The names that one device sent since a day began and in the day before, and what the database said of it."""

    def __init__(self, now: float) -> None:
        self._began_at = now
        self._today: set[str] = set()
        self._yesterday: set[str] = set()
        self._stored: DeviceMetrics | None = None
        self._stored_at = 0.0

    def __len__(self) -> int:
        return len(self.known)

    @property
    def known(self) -> set[str]:
        return self._today | self._yesterday | (self._stored.names if self._stored else set())

    def is_in_doubt(self, sent: Set[str], limits: MetricLimits, now: float) -> bool:
        """Tell whether so many names may be new that the database must say which are."""
        if self._stored is not None and now - self._stored_at < ASK_AGAIN_SECONDS:
            return False
        stored = self._stored or DeviceMetrics()
        unconfirmed = len((self.known | sent) - stored.names)
        return unconfirmed > 0 and unconfirmed + stored.new > limits.new_a_day

    def confirm(self, stored: DeviceMetrics, now: float) -> None:
        self._stored, self._stored_at = stored, now

    def room(self, limits: MetricLimits) -> int:
        """Return how many metrics more the device may have, as far as is known."""
        if self._stored is None:
            return max(0, limits.most - len(self))
        # What is sent and not stored yet is new.
        unstored = len(self.known - self._stored.names)
        return max(0, self._stored.room(limits) - unstored)

    def limit_reached(self, limits: MetricLimits) -> ReachedLimit:
        """Return which limit leaves no more room than there is."""
        stored = self._stored
        if stored is None or limits.most - len(stored.names) <= stored.room(limits):
            return ReachedLimit("metrics", None)
        return ReachedLimit("new_metrics", math.ceil(stored.seconds_to_next or DAY_SECONDS))

    def note(self, names: Set[str]) -> None:
        self._today |= names

    def forget_unsent(self, now: float) -> None:
        if now - self._began_at >= DAY_SECONDS:
            # After two days of silence both are too old.
            self._yesterday = self._today if now - self._began_at < 2 * DAY_SECONDS else set()
            self._today, self._began_at = set(), now
            self._stored = None


_TEXTS = {
    name: f"a device may have {{limit}} {what}, and this one has them: a metric's name must not hold an id or a time"
    for name, what in {"metrics": "metrics", "new_metrics": "new metrics a day after its first"}.items()
}
