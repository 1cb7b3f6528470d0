"""Windows of time, and the buckets that cover one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

MINUTE, HOUR, DAY = 60, 3600, 86_400
STEPS = tuple(
    step
    for step in range(1, DAY)
    if DAY % step == 0 and (step < MINUTE or step % MINUTE == 0) and (step < HOUR or step % HOUR == 0)
)
"""Seconds of the buckets shorter than a day: they divide it, and are whole minutes from a minute on, whole hours from
an hour on. So the rollups of minutes, hours or days add up to them, and an answer takes some ten thousand at most."""


class Window(NamedTuple):
    """From `since` up to but without `until`; None leaves a side open."""

    since: datetime | None = None
    until: datetime | None = None


class Buckets(NamedTuple):
    """Buckets of the length `step` from `since` to `until`; both are where a bucket starts."""

    since: datetime
    until: datetime
    step: timedelta


def buckets_for(since: datetime, until: datetime, points: int, at_least: timedelta = timedelta(seconds=1)) -> Buckets:
    """Return the shortest buckets of which at most `points` cover the window, none shorter than `at_least`.

    They start at multiples of their length since 1970-01-01 UTC.
    """
    first, last = since.timestamp(), until.timestamp()
    for step in _steps(int((last - first) / DAY / points)):
        if step < at_least.total_seconds():
            continue
        start, end = int(first // step) * step, -int(-last // step) * step
        if end - start <= points * step:
            break
    return _buckets(start, max(end, start + step), step)


def buckets_for_last_day(until: datetime, points: int) -> Buckets:
    """Return the shortest buckets of which at most `points` make the 24 hours that end with the bucket of `until`."""
    step = next(step for step in (*STEPS, DAY) if points * step >= DAY)
    end = -int(-until.timestamp() // step) * step
    return _buckets(end - DAY, end, step)


def _steps(min_days: int) -> Iterator[int]:
    if min_days == 0:
        yield from STEPS
    yield from (DAY * days for days in count(max(1, min_days)))


def _buckets(start: int, end: int, step: int) -> Buckets:
    return Buckets(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC), timedelta(seconds=step))
