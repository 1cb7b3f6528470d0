"""Which times readings may carry: not ahead of the clock, and not older than what is kept."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from apps.domain.errors import ClockError, RetentionError

MIN_TIMESTAMP = datetime(2000, 1, 1, tzinfo=UTC)
"""Older than any sensor of ours: an earlier time is a clock that was never set."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far a device's clock may run ahead of the receiver's."""

Month = tuple[int, int]
"""Year and month."""


class TimeBounds(NamedTuple):
    """The times that a reading may carry which is received now."""

    oldest: datetime
    """The first moment of which readings are kept."""
    newest: datetime

    @classmethod
    def at(cls, now: datetime, retention_months: int) -> Self:
        """Return the bounds for what is received at `now`, where whole months are kept before the present one."""
        return cls(retention_start(now, retention_months), now + MAX_CLOCK_SKEW)

    def check(self, ts: datetime) -> None:
        """Raise ClockError or RetentionError for a time outside."""
        if ts < MIN_TIMESTAMP:
            raise ClockError(f"ts {ts.isoformat()} is before {MIN_TIMESTAMP.date()}: set the device's clock")
        if ts < self.oldest:
            # Without the time itself, so that whoever counts reasons finds one.
            raise RetentionError(f"ts is before {self.oldest.date()} UTC: older readings are no longer kept")
        if ts > self.newest:
            raise ClockError(
                f"ts {ts.isoformat()} is over {MAX_CLOCK_SKEW.seconds} s ahead of "
                f"{(self.newest - MAX_CLOCK_SKEW).isoformat()}: set the device's clock"
            )


def retention_start(now: datetime, months: int) -> datetime:
    """Return the first moment that is kept: the start of the month `months` before the one of `now`, in UTC."""
    return max(MIN_TIMESTAMP, datetime(*add_months(month_of(now), -months), 1, tzinfo=UTC))


def add_months(month: Month, count: int) -> Month:
    """Return the month `count` months later; earlier where it is negative."""
    index = month[0] * 12 + month[1] - 1 + count
    return index // 12, index % 12 + 1


def month_of(at: datetime) -> Month:
    """Return the month that a time falls into, in UTC."""
    at = at.astimezone(UTC)
    return at.year, at.month
