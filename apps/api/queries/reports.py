"""What Spark says of months: of each series, and of the fleet by kind (docs/longterm.md)."""

from datetime import date
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
import sqlalchemy as sa

from apps.api.database import Database
from apps.api.queries.sql import Labels, is_seen
from apps.storage.report_tables import report_months, series_reports

Trouble = Literal["silent", "gaps", "stuck", "drifting"]
"""What is wrong with a series in a month."""

Month = Annotated[
    str,
    msgspec.Meta(pattern=r"^(19|20)\d{2}-(0[1-9]|1[0-2])$", description="A month, like 2026-11", examples=["2026-11"]),
]


class SeriesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The month of one metric of one device. Values are in the metric's own unit."""

    month: Month
    device_id: str
    metric: str
    kind: str
    readings: int
    interval_seconds: float | None
    """The median distance of two readings."""
    gaps: int
    """Silences of more than five such intervals."""
    longest_gap_seconds: float
    silent_seconds: float
    """Since the last reading, at the end of the month."""
    availability: float
    """The part of the time that is no gap, from 0 to 1."""
    minimum: float | None
    p05: float | None
    p50: float | None
    p95: float | None
    maximum: float | None
    longest_same_seconds: float
    """For how long it said the same, at most."""
    drift: float | None
    """How far it moved away from devices of its kind, in units per 30 days; null: there are too few of them."""
    findings: list[Trouble]


class KindReport(msgspec.Struct, frozen=True, kw_only=True):
    """The month of the devices of one kind."""

    kind: str
    devices: int
    readings: int
    availability: float
    """The mean of its series."""
    silent: int
    """Devices with this finding; the same for the next three."""
    gaps: int
    stuck: int
    drifting: int


class FleetReport(msgspec.Struct, frozen=True, kw_only=True):
    """The month of the fleet."""

    month: Month | None
    """null: there is no report yet."""
    months: list[Month]
    """Every month that has a report, the newest first."""
    kinds: list[KindReport]


class SeriesKey(NamedTuple):
    """Where a page of series begins: after this one."""

    month: Month
    device_id: str
    metric: str


async def of_series(
    database: Database,
    *,
    device_id: str | None,
    month: str | None,
    finding: Trouble | None,
    limit: int,
    after: SeriesKey | None,
    labels: Labels,
) -> list[SeriesReport]:
    """Return at most `limit` reports, the newest month first, then by device and metric."""
    table = series_reports.c
    query = sa.select(*(table[name] for name in SeriesReport.__struct_fields__)).where(is_seen(labels, table.device_id))
    query = query.order_by(table.month.desc(), table.device_id, table.metric).limit(limit)
    if device_id is not None:
        query = query.where(table.device_id == device_id)
    if month is not None:
        query = query.where(table.month == _day(month))
    if finding is not None:
        query = query.where(table.findings.contains([finding]))
    if after is not None:
        day, series = _day(after.month), sa.tuple_(table.device_id, table.metric)
        later = sa.and_(table.month == day, series > sa.tuple_(sa.literal(after.device_id), sa.literal(after.metric)))
        query = query.where(sa.or_(table.month < day, later))
    return [SeriesReport(**{**row, "month": _name(row["month"])}) for row in await database.rows(query)]


async def of_fleet(database: Database, month: str | None, labels: Labels) -> FleetReport:
    """Return the month of the fleet, the newest where none is named."""
    found = await database.rows(sa.select(report_months.c.month).order_by(report_months.c.month.desc()))
    months = [_name(row["month"]) for row in found]
    wanted = month or (months[0] if months else None)
    if wanted is None:
        return FleetReport(month=None, months=[], kinds=[])
    table = series_reports.c

    def devices(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count(sa.distinct(table.device_id)).filter(*conditions)

    kinds = (
        sa.select(
            table.kind,
            devices(sa.true()).label("devices"),
            sa.cast(sa.func.sum(table.readings), sa.BigInteger).label("readings"),
            sa.func.avg(table.availability).label("availability"),
            *(devices(table.findings.contains([finding])).label(finding) for finding in get_args(Trouble)),
        )
        .where(table.month == _day(wanted), is_seen(labels, table.device_id))
        .group_by(table.kind)
        .order_by(table.kind)
    )
    return FleetReport(month=wanted, months=months, kinds=[KindReport(**row) for row in await database.rows(kinds)])


def _day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _name(day: date) -> str:
    return f"{day:%Y-%m}"
