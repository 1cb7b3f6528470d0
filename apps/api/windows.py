"""Windows of time that requests ask for, and the buckets that cover one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Annotated

import msgspec

from apps.api.repository.readings import Window
from apps.api.repository.trend import Buckets
from apps.domain.readings import EARLIEST
from apps.platform.http import ProblemError

Since = Annotated[datetime, msgspec.Meta(tz=True, description="From this time on, RFC 3339 with a zone")]
Until = Annotated[datetime, msgspec.Meta(tz=True, description="Up to but without this time, RFC 3339 with a zone")]

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""No reading is from after this time, as none is from before `EARLIEST`."""

DAY = 86_400
STEPS = tuple(step for step in range(1, DAY) if DAY % step == 0 and (step < 60 or step % 60 == 0))
"""Seconds of the buckets shorter than a day: they divide it, and from a minute on they are whole minutes."""


def window(since: datetime | None, until: datetime | None) -> Window:
    """Return the window in UTC, as far as readings can be in it.

    Raises ProblemError 400 when it ends before it starts.
    """
    if since is not None and until is not None and since >= until:
        raise ProblemError(400, f"since {since.isoformat()} is not before until {until.isoformat()}: swap them")
    return Window(None if since is None else _within(since), None if until is None else _within(until))


def cover(since: datetime, until: datetime, points: int) -> Buckets:
    """Return the shortest buckets of which at most `points` cover the window.

    They start at multiples of their length since 1970-01-01 UTC.
    """
    first, last = since.timestamp(), until.timestamp()
    for step in _steps(int((last - first) / DAY / points)):
        start, end = int(first // step) * step, -int(-last // step) * step
        if end - start <= points * step:
            break
    return _buckets(start, max(end, start + step), step)


def last_day(until: datetime, points: int) -> Buckets:
    """Return the shortest buckets of which at most `points` make the 24 hours that end with the bucket of `until`."""
    step = next(step for step in (*STEPS, DAY) if points * step >= DAY)
    end = -int(-until.timestamp() // step) * step
    return _buckets(end - DAY, end, step)


def _steps(fewest_days: int) -> Iterator[int]:
    if fewest_days == 0:
        yield from STEPS
    yield from (DAY * days for days in count(max(1, fewest_days)))


def _buckets(start: int, end: int, step: int) -> Buckets:
    return Buckets(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC), timedelta(seconds=step))


def _within(at: datetime) -> datetime:
    return EARLIEST if at < EARLIEST else LATEST if at > LATEST else at.astimezone(UTC)
