"""Readings of all time: those that the database holds and, in the same order, those that lie in the archive alone."""

import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from apps.api.archive.archive import View, unavailable
from apps.api.archive.selection import Selection
from apps.api.context import Context
from apps.api.errors import ArchiveSlowError, ArchiveUnavailableError, DaysMovedError
from apps.api.queries import archived, readings
from apps.api.queries.readings import Order, ReadingOut, Series, SeriesTimeKey, TimeKey
from apps.api.queries.sql import Labels
from apps.domain.windows import Window
from apps.storage.archive.manifest import bounds


class Stretch(NamedTuple):
    """Readings in the order of time, and where to go on if there is more than was looked at."""

    rows: list[ReadingOut]
    more: TimeKey | None = None


async def in_time_order(
    context: Context, series: Series, window: Window, order: Order, limit: int, after: TimeKey | None, labels: Labels
) -> Stretch:
    """Return at most `limit` readings by time, then device and metric, that come after a key.

    It may be fewer with more to come: when the archive took long, or does not answer behind what the database holds.
    Raises ArchiveUnavailableError where the first of them lies there.
    """
    database = context.database
    if context.archive is None:
        return Stretch(await readings.in_time_order(database, series, window, order, limit, after, labels))
    while True:
        view = await context.archive.view(database)
        rows = await readings.in_time_order(database, series, window, order, limit, after, labels)
        if await archived.state(database) == view.state:
            break
    days = _days_in_order(view, window, order, after)
    if not days or _is_full(rows, limit, days[0], order):
        return Stretch(rows)
    selection = await _selection(context, series, window, labels)
    began = time.monotonic()
    end = math.inf  # So that each page comes further, be it by a day.
    for day in days:
        if _is_full(rows, limit, day, order):
            break
        try:
            _check_known(view, day)
            found = await context.archive.by_time(view, day, selection, order, limit, after, end)
        except (ArchiveSlowError, ArchiveUnavailableError) as error:
            before = [row for row in rows if _is_before(row, day, order)]
            if isinstance(error, ArchiveUnavailableError) and not before:
                raise
            return Stretch(before[:limit], _boundary(day, order))
        rows = _merged(rows, found, _by_time, descending=order == "desc")[:limit]
        end = began + context.limits.archive_seconds
    return Stretch(rows)


async def in_key_order(
    context: Context, series: Series, window: Window, labels: Labels
) -> AsyncIterator[list[ReadingOut]]:
    """Yield all readings by device, metric and time, some at a time.

    Raises ArchiveUnavailableError.
    """
    after: SeriesTimeKey | None = None
    while True:
        try:
            async for rows in _in_key_order(context, series, window, labels, after):
                yield rows
                if rows:
                    after = _by_key(rows[-1])
        except DaysMovedError:
            continue
        return


async def _in_key_order(
    context: Context, series: Series, window: Window, labels: Labels, after: SeriesTimeKey | None
) -> AsyncIterator[list[ReadingOut]]:
    if context.archive is None:
        async for rows in _stored(context, series, window, labels, after, None):
            yield rows
        return
    view = await context.archive.view(context.database)
    days = _days_in_order(view, window, "asc", None)
    for day in days:
        _check_known(view, day)
    stored = _stored(context, series, window, labels, after, view)
    if not days:
        async for rows in stored:
            yield rows
        return
    selection = await _selection(context, series, window, labels)
    async for rows in _both(stored, context.archive.by_key(view, days, selection, after)):
        yield rows


async def _stored(
    context: Context, series: Series, window: Window, labels: Labels, after: SeriesTimeKey | None, view: View | None
) -> AsyncIterator[list[ReadingOut]]:
    """Yield what the database holds. Raises DaysMovedError as soon as that is another thing than what was seen."""
    chunk_rows = context.limits.export_chunk_rows
    while True:
        rows = await readings.in_key_order(context.database, series, window, chunk_rows, after, labels)
        if view and await archived.state(context.database) != view.state:
            raise DaysMovedError
        yield rows
        if len(rows) < chunk_rows:
            return
        after = _by_key(rows[-1])


async def _both(
    first: AsyncIterator[list[ReadingOut]], second: AsyncIterator[list[ReadingOut]]
) -> AsyncIterator[list[ReadingOut]]:
    """Yield the readings of both, which are in the order of their key, each once."""
    left, right = await _more(first), await _more(second)
    while left and right:
        # What comes next of either is behind the last of it.
        last = min(_by_key(left[-1]), _by_key(right[-1]))
        cuts = [sum(_by_key(row) <= last for row in rows) for rows in (left, right)]
        yield _merged(left[: cuts[0]], right[: cuts[1]], _by_key)
        left, right = left[cuts[0] :] or await _more(first), right[cuts[1] :] or await _more(second)
    yield left or right
    async for rows in first if left else second:
        yield rows


async def _more(rows: AsyncIterator[list[ReadingOut]]) -> list[ReadingOut]:
    """Return the next rows; nothing after the last."""
    async for some in rows:
        if some:
            return some
    return []


async def _selection(context: Context, series: Series, window: Window, labels: Labels) -> Selection:
    devices = await archived.devices(context.database, series.device_id, labels)
    return Selection(devices, series.metric, window.since, window.until)


def _days_in_order(view: View, window: Window, order: Order, after: TimeKey | None) -> list[date]:
    """Return the days of a window that the database lacks, as far as they can hold what comes after a key."""
    since, until = window
    if after is not None and order == "asc":
        since = after.ts
    if after is not None and order == "desc":
        # Others of this very moment may come yet, but none behind a boundary: its day would be looked at for ever.
        until = after.ts if after == _boundary_at(after.ts) else after.ts + timedelta(microseconds=1)
    wanted = {
        day
        for day in view.days
        if (until is None or bounds(day)[0] < until) and (since is None or bounds(day)[1] > since)
    }
    if view.blind_before and (since is None or since < bounds(view.blind_before)[0]):
        # One stands for all: the one that is met first.
        last = view.blind_before if until is None else min(view.blind_before, until.astimezone(UTC).date())
        wanted.add(last - timedelta(days=1) if order == "desc" or since is None else since.astimezone(UTC).date())
    return sorted(wanted, reverse=order == "desc")


def _check_known(view: View, day: date) -> None:
    """Raise ArchiveUnavailableError for a day of which nobody knows whether it lies in the archive."""
    if view.blind_before and day < view.blind_before:
        raise unavailable(f"readings before {view.blind_before}")


def _is_full(rows: Sequence[ReadingOut], limit: int, day: date, order: Order) -> bool:
    """Tell whether there are enough, and none of a day could come before the last of them."""
    return len(rows) >= limit and _is_before(rows[limit - 1], day, order)


def _is_before(row: ReadingOut, day: date, order: Order) -> bool:
    since, until = bounds(day)
    return row.ts < since if order == "asc" else row.ts >= until


def _boundary(day: date, order: Order) -> TimeKey:
    """Return the key between a day and what comes before it in an order."""
    return _boundary_at(bounds(day)[0] if order == "asc" else bounds(day)[1])


def _boundary_at(ts: datetime) -> TimeKey:
    """Return the key before all readings of a moment: no device has an empty name."""
    return TimeKey(ts, "", "")


def _merged(
    first: Iterable[ReadingOut],
    second: Iterable[ReadingOut],
    key: Callable[[ReadingOut], tuple[Any, ...]],
    *,
    descending: bool = False,
) -> list[ReadingOut]:
    """Return the readings of both in the order of their key, each once."""
    by_key = {key(row): row for row in (*second, *first)}
    return [by_key[name] for name in sorted(by_key, reverse=descending)]


def _by_time(row: ReadingOut) -> TimeKey:
    return TimeKey(row.ts, row.device_id, row.metric)


def _by_key(row: ReadingOut) -> SeriesTimeKey:
    return SeriesTimeKey(row.device_id, row.metric, row.ts)
