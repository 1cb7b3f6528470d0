"""Readings: pages of history, trends and the newest values."""

from datetime import datetime
from typing import Annotated

import msgspec

from apps.api import history
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.queries import devices, readings, trend
from apps.api.queries.readings import LatestReading, Order, ReadingOut, Series, SeriesKey, TimeKey
from apps.api.queries.trend import TrendPoint
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.api.windows import Since, Until, window
from apps.domain.devices import DeviceId
from apps.domain.readings import Metric
from apps.domain.windows import buckets_for, buckets_for_last_day

router = Router("Readings", "What devices measured.")

MAX_POINTS = 2000


class ReadingsQuery(PageQuery, frozen=True, kw_only=True):
    """Which readings to list."""

    device_id: DeviceId | None = None
    metric: Metric | None = None
    since: Since | None = None
    until: Until | None = None
    order: Annotated[Order, msgspec.Meta(description="asc: oldest first, desc: newest first")] = "desc"


class LatestQuery(PageQuery, frozen=True, kw_only=True):
    """Which series to show."""

    device_id: DeviceId | None = None
    metric: Metric | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000, description="Most rows of one page")] = 1000


class TrendQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which series to summarize, and how finely."""

    device_id: DeviceId
    metric: Metric
    since: Since | None = None
    until: Until | None = None
    points: Annotated[int, msgspec.Meta(ge=1, le=MAX_POINTS, description="Most points of the answer")] = 288


class Trend(msgspec.Struct, frozen=True):
    """A series in buckets of equal length. `since` and `until` are where the first bucket starts and the last ends."""

    device_id: str
    metric: str
    since: datetime
    until: datetime
    bucket_seconds: int
    points: list[TrendPoint]


@router.operation(
    "GET",
    "/readings",
    permission=Permission.READINGS_READ,
    errors={503: "The database, or the archive for what is old, does not answer now"},
)
async def list_readings(context: Context, caller: Caller, query: ReadingsQuery) -> Page[ReadingOut]:
    """List readings by time, newest first unless asked otherwise.

    Those that the database no longer holds come from the archive. A page that lies there may hold fewer than `limit`,
    or none, and still name a next one.
    """
    found = await history.in_time_order(
        context,
        Series(query.device_id, query.metric),
        window(query.since, query.until),
        query.order,
        query.limit + 1,
        decode_cursor(query, TimeKey),
        caller.labels,
    )
    return page("readings", query, found.rows, lambda row: TimeKey(row.ts, row.device_id, row.metric), found.more)


@router.operation("GET", "/readings/latest", permission=Permission.READINGS_READ, etag=True)
async def latest_readings(context: Context, caller: Caller, query: LatestQuery) -> Page[LatestReading]:
    """Show the newest reading of each series, by device and metric.

    Newest is what was measured last, not what arrived last.
    """
    after = decode_cursor(query, SeriesKey)
    series = Series(query.device_id, query.metric)
    rows = await readings.latest(context.database, series, query.limit + 1, after, caller.labels)
    return page("latest", query, rows, lambda row: SeriesKey(row.device_id, row.metric))


@router.operation("GET", "/readings/trend", permission=Permission.READINGS_READ, etag=True)
async def show_trend(context: Context, caller: Caller, query: TrendQuery) -> Trend:
    """Summarize one series in buckets: average, lowest, highest and count.

    Without a window, the last 24 hours. The window is widened to whole buckets, which start at multiples of
    their length since midnight UTC; their length is the shortest for which the points suffice, at least 1 second.
    Where readings are no longer kept it is at least that of the rollups which still are.
    """
    period = window(query.since, query.until or context.now())
    until = period.until or context.now()
    if period.since is None:
        buckets = buckets_for_last_day(until, query.points)
    else:
        least = await trend.least_step(context.database, period.since, context.now())
        buckets = buckets_for(period.since, until, query.points, least)
    points = (
        await trend.points(context.database, query.device_id, query.metric, buckets)
        if caller.labels is None or await devices.get(context.database, query.device_id, caller.labels)
        else []
    )
    seconds = int(buckets.step.total_seconds())
    return Trend(query.device_id, query.metric, buckets.since, buckets.until, seconds, points)
