"""Readings: pages in the order of time, the newest of each series, and everything in the order of its key.

A series is one metric of one device. `latest_readings` holds a row for every series there is, so a query asks each
series for its own few rows through the primary key and never sorts more than a page for each.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import asyncpg
import msgspec

from apps.api.database import Database
from apps.api.queries.sql import Labels, QueryParams, all_of, seen_with
from apps.domain.devices import DeviceId
from apps.domain.readings import Metric, StoredReading, Time
from apps.domain.text import NO_NUL_PATTERN
from apps.domain.windows import Window
from apps.storage.channels import Channel, notify
from apps.storage.readings import Conflict, register_unknown, with_partitions
from apps.storage.readings import store as store_new
from apps.storage.series import SeriesLimit


class ReadingOut(msgspec.Struct, frozen=True):
    """A reading: when it was measured (`ts`) and when the platform received it."""

    device_id: str
    metric: str
    ts: datetime
    value: float
    received_at: datetime


class LatestReading(ReadingOut, frozen=True):
    """The newest reading of a series by its own time. `stored_at` tells when it became the newest."""

    stored_at: datetime


class Series(msgspec.Struct, frozen=True):
    """Which series are wanted; None stands for all."""

    device_id: str | None = None
    metric: str | None = None


Order = Literal["asc", "desc"]
NameOrNone = Annotated[str, msgspec.Meta(max_length=64, pattern=NO_NUL_PATTERN)]


class TimeKey(NamedTuple):
    """What readings are sorted by in the order of time. Without names it lies before all readings of its time."""

    ts: Time
    device_id: NameOrNone
    metric: NameOrNone


class SeriesTimeKey(NamedTuple):
    """What readings are sorted by in the order of the table's key."""

    device_id: DeviceId
    metric: Metric
    ts: Time


class SeriesKey(NamedTuple):
    """What series are sorted by."""

    device_id: DeviceId
    metric: Metric


async def in_time_order(
    database: Database,
    series: Series,
    window: Window,
    order: Order,
    limit: int,
    after: TimeKey | None,
    labels: Labels,
) -> list[ReadingOut]:
    """Return at most `limit` readings by time, then device and metric, that come after a key."""
    values = QueryParams()
    wanted, within = _series(values, series), _window(values, window)
    wanted += seen_with(values, labels, "s.device_id")
    if after is not None:
        ts, device_id, metric = map(values.bind, after)
        beyond = ">" if order == "asc" else "<"
        # The first of the two is what the index can use.
        within += [f"r.ts {beyond}= {ts}", f"(r.ts, {_bytes('r')}) {beyond} ({ts}, {device_id}, {metric})"]
    by_time = f"r.ts {order}, " + ", ".join(f"{name} {order}" for name in _bytes("r").split(", "))
    count = values.bind(limit)
    # Of all series, no more than `limit` can have a row in the page: those whose first row comes first.
    first = f"""
        SELECT s.device_id, s.metric FROM {_all_series(series)} s CROSS JOIN LATERAL {_rows(within, order, "1")}
        WHERE {all_of(wanted)} ORDER BY {by_time} LIMIT {count}
    """  # noqa: S608
    query = (
        f"{_SELECT} FROM ({first}) s CROSS JOIN LATERAL {_rows(within, order, count)} ORDER BY {by_time} LIMIT {count}"
    )
    return await _fetch(database, query, values)


async def in_key_order(
    database: Database,
    series: Series,
    window: Window,
    limit: int,
    after: SeriesTimeKey | None,
    labels: Labels,
) -> list[ReadingOut]:
    """Return at most `limit` readings by device, metric and time that come after a key."""
    values = QueryParams()
    wanted, within = _series(values, series), _window(values, window)
    wanted += seen_with(values, labels, "s.device_id")
    if after is not None:
        device_id, metric, ts = map(values.bind, after)
        wanted.append(f"({_bytes('s')}) >= ({device_id}, {metric})")
        # A comparison with one value, not an OR, is what the index can use.
        begun = f"(s.device_id, s.metric) = ({device_id}, {metric})"
        within.append(f"r.ts > CASE WHEN {begun} THEN {ts} ELSE '-infinity'::timestamptz END")
    count = values.bind(limit)
    first = f"SELECT s.* FROM {_all_series(series)} s WHERE {all_of(wanted)} ORDER BY {_bytes('s')}"  # noqa: S608
    query = f"""
        {_SELECT} FROM ({first}) s CROSS JOIN LATERAL {_rows(within, "asc", count)}
        ORDER BY {_bytes("s")}, r.ts LIMIT {count}
    """
    return await _fetch(database, query, values)


async def latest(
    database: Database, series: Series, limit: int, after: SeriesKey | None, labels: Labels
) -> list[LatestReading]:
    """Return the newest reading of each series of registered devices, by device and metric."""
    values = QueryParams()
    wanted = _series(values, series) + seen_with(values, labels, "s.device_id")
    if after is not None:
        device_id, metric = map(values.bind, after)
        wanted.append(f"(s.device_id, s.metric) > ({device_id}, {metric})")
    query = f"{_latest(wanted)} ORDER BY s.device_id, s.metric LIMIT {values.bind(limit)}"
    async with database.connection() as connection:
        return [LatestReading(*row) for row in await connection.fetch(query, *values)]


class LabelledReading(NamedTuple):
    """The newest reading of a series, with the labels of its device."""

    reading: LatestReading
    labels: frozenset[str]


async def latest_stored(connection: asyncpg.Connection, after: datetime | None = None) -> list[LabelledReading]:
    """Return the newest reading of each series, or of those that have had a newer one stored after a time."""
    values = QueryParams()
    wanted = [] if after is None else [f"s.stored_at > {values.bind(after)}"]
    rows = await connection.fetch(_latest(wanted, ", devices.labels"), *values)
    return [LabelledReading(LatestReading(*row[:-1]), frozenset(row[-1])) for row in rows]


class Written(NamedTuple):
    """What became of readings: how many were stored, and which could not be; all others were stored already."""

    stored: int
    conflicts: Sequence[Conflict]
    over_limit: Mapping[tuple[str, str], str]
    """Devices and metrics that are one too many, and why; no reading of theirs is stored."""


async def store(database: Database, rows: Sequence[StoredReading], limit: SeriesLimit) -> Written:
    """Store the readings that are not stored yet, just as the ingestor does."""
    return await with_partitions(database.connection, rows, lambda: _store(database, rows, limit))


async def _store(database: Database, rows: Sequence[StoredReading], limit: SeriesLimit) -> Written:
    async with database.transaction() as connection:
        over = await limit.over_limit(connection, rows)
        stored, conflicts = await store_new(
            connection, (row for row in rows if (row.device_id, row.metric) not in over)
        )
        await register_unknown(connection, stored)
        if stored:
            await notify(connection, Channel.READINGS)
    return Written(len(stored), conflicts, over)


async def _fetch(database: Database, query: str, values: QueryParams) -> list[ReadingOut]:
    async with database.connection() as connection:
        return [ReadingOut(*row) for row in await connection.fetch(query, *values)]


def _latest(wanted: list[str], more: str = "") -> str:
    """Return the query of the newest readings of registered devices that fulfil the conditions."""
    return f"""
        SELECT s.device_id, s.metric, s.ts, s.value, s.received_at, s.stored_at{more}
        FROM latest_readings s JOIN devices USING (device_id) WHERE {all_of(wanted)}
    """  # noqa: S608


def _bytes(table: str) -> str:
    """Return device and metric in the order of their bytes, as in the archive, wherever the database was made."""
    return f'{table}.device_id COLLATE "C", {table}.metric COLLATE "C"'


def _rows(within: list[str], order: Order, count: str) -> str:
    """Return the first rows of the series `s` by time."""
    own = ["r.device_id = s.device_id", "r.metric = s.metric", *within]
    return f"(SELECT * FROM sensor_readings r WHERE {all_of(own)} ORDER BY r.ts {order} LIMIT {count}) r"  # noqa: S608


def _series(values: QueryParams, series: Series) -> list[str]:
    given = {"s.device_id": series.device_id, "s.metric": series.metric}
    return [f"{column} = {values.bind(value)}" for column, value in given.items() if value is not None]


def _all_series(series: Series) -> str:
    """Return what lists the series there are; $1 is the device and $2 the metric, where they are given.

    A deleted device has left the newest readings: where it is asked for, its series are found among its own readings.
    """
    if series.device_id is None:
        return "latest_readings"
    return _SERIES_OF_DEVICE if series.metric is None else "(SELECT $1::text AS device_id, $2::text AS metric)"


def _window(values: QueryParams, window: Window) -> list[str]:
    given = {"r.ts >=": window.since, "r.ts <": window.until}
    return [f"{comparison} {values.bind(value)}" for comparison, value in given.items() if value is not None]


# The metrics of a deleted device one after the other, each by the index: the next that is greater than the last.
_NEXT_METRIC = "SELECT metric FROM sensor_readings WHERE device_id = $1 {} ORDER BY metric LIMIT 1"
_SERIES_OF_DEVICE = f"""(
    SELECT device_id, metric FROM latest_readings WHERE device_id = $1
    UNION ALL (
        WITH RECURSIVE found AS (
            ({_NEXT_METRIC.format("AND NOT EXISTS (SELECT FROM latest_readings WHERE device_id = $1)")})
            UNION ALL SELECT ({_NEXT_METRIC.format("AND metric > found.metric")}) FROM found WHERE metric IS NOT NULL
        )
        SELECT $1, metric FROM found WHERE metric IS NOT NULL
    )
)"""  # noqa: S608

_SELECT = "SELECT r.device_id, r.metric, r.ts, r.value, r.received_at"
