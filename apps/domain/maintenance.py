"""Maintenance windows: times in which a rule opens no alert, because people know what goes on."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from apps.domain.readings import Time

ClockTime = Annotated[
    str,
    msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](?!\n)$", description="Hours and minutes", examples=["22:30"]),
]


MAX_CHAINED = 100
"""Windows that meet and are followed to their end: more than these may be one that never ends."""


class Day(StrEnum):
    """A day of the week, in the order of `datetime.weekday`."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


WEEK = tuple(Day)


class Once(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="once"):
    """A window that comes once."""

    since: Time
    until: Time

    def __post_init__(self) -> None:
        """Raise ValueError for a window that ends before it begins."""
        if self.until <= self.since:
            raise ValueError(f"until must lie after since, got {self.since.isoformat()} to {self.until.isoformat()}")

    def end(self, at: datetime) -> datetime | None:
        """Return when the window ends that covers a time, or None where it does not."""
        return self.until if self.since <= at < self.until else None


class Weekly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="weekly"):
    """A window that comes on days of the week, by the clock of a place. It may last past midnight."""

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)]
    """Those on which it begins."""
    start: ClockTime
    end_time: ClockTime = msgspec.field(name="end")
    time_zone: Annotated[str, msgspec.Meta(description="Of the IANA database, for example Europe/Amsterdam")] = "UTC"

    def __post_init__(self) -> None:
        """Raise ValueError for a time zone that there is not."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"time_zone {self.time_zone!r} is not in the IANA database: write it as Europe/Amsterdam"
            ) from None

    def end(self, at: datetime) -> datetime | None:
        """Return when the window ends that covers a time, or None where it does not."""
        zone = ZoneInfo(self.time_zone)
        today = at.astimezone(zone).date()
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end_time)
        for day in (today - timedelta(days=1), today):
            if WEEK[day.weekday()] not in self.days:
                continue
            # Compared in UTC: within one zone Python would count hours that a change of the clock takes away.
            begins = datetime.combine(day, start, zone).astimezone(UTC)
            last_day = day if end > start else day + timedelta(days=1)
            ends = datetime.combine(last_day, end, zone).astimezone(UTC)
            if begins <= at < ends:
                return ends
        return None


Maintenance = Once | Weekly


def maintenance_end(windows: tuple[Maintenance, ...], at: datetime) -> datetime | None:
    """Return when the maintenance ends that covers a time, also over windows that meet; None where none does."""
    end = None
    for _ in range(MAX_CHAINED):
        found = [until for window in windows if (until := window.end(end or at)) is not None]
        if not found:
            break
        end = max(found)
    return end
