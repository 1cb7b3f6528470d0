"""What time it is on a device whose clock may never have been set, or may jump."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(seconds=60)
"""A clock that is further off is wrong, one that moves further at once has jumped."""


def since_boot() -> float:
    """Return seconds that only go forward, sleep included where the system tells it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Clock:
    """The device's clock, carried on over its jumps until the platform's tells what is right."""

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = since_boot,
    ) -> None:
        self._device_now = now
        self._monotonic = monotonic
        self._set(now())
        self.offset = timedelta(0)
        """How far the platform's clock was ahead of the device's when it last answered."""

    @property
    def is_wrong(self) -> bool:
        """Whether the device's clock is not the one that readings get their time from."""
        return abs(self._device_now() - self.now()) > TOLERANCE

    def now(self) -> datetime:
        """Return the time, in UTC."""
        carried = self._at + timedelta(seconds=self._monotonic() - self._since)
        own = self._device_now()
        if abs(own - carried) > TOLERANCE:
            return carried
        self._set(own)
        return own

    def compare(self, server: datetime) -> timedelta:
        """Take in the platform's time; return by how much earlier times of this clock must be corrected.

        `server` was cut to the second, so the middle of that second is meant.
        """
        server += timedelta(milliseconds=500)
        self.offset = server - self._device_now()
        correction = server - self.now()
        if abs(correction) <= TOLERANCE:
            return timedelta(0)
        self._set(server)
        return correction

    def _set(self, at: datetime) -> None:
        self._at, self._since = at, self._monotonic()
