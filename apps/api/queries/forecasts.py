"""What series will probably be in the next hours (docs/forecasts.md)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from apps.api.database import Database
from apps.api.queries.sql import Labels, is_seen
from apps.domain.crossings import Crossing, Point, first_crossing
from apps.domain.rules import Rule
from apps.storage.forecast_tables import series_forecasts
from apps.storage.rules import load_rules_about
from apps.storage.tables import devices

HOUR = timedelta(hours=1)


class ForecastHour(msgspec.Struct, frozen=True):
    """The mean of the hour that starts at `ts`, and the band around it."""

    ts: datetime
    expected: float
    low: float
    high: float


class SeriesForecast(msgspec.Struct, frozen=True, kw_only=True):
    """The next hours of one metric of one device. Values are in the metric's own unit."""

    device_id: str
    metric: str
    made_at: datetime
    model: str
    """`prophet` where it clearly beat the baseline on held-out days, else the best of the naive forecasts."""
    model_version: str
    tested_at: datetime
    """When the models were compared."""
    coverage: float
    """The part of the held-out hours that such a band held, from 0 to 1; it is made to hold 0.8."""
    mase: float | None
    """Mean absolute error on held-out days, in mean changes from one day to the next; null: nothing ever changed."""
    baseline_mase: float | None
    """The same of the best naive forecast."""
    hours: list[ForecastHour]
    crossing: Crossing | None
    """The first limit of a rule that the expected course crosses from now on; null: none."""


class ForecastKey(NamedTuple):
    """Where a page of forecasts begins: after this one."""

    device_id: str
    metric: str


async def of_series(
    database: Database,
    *,
    device_ids: Sequence[str] | None,
    metric: str | None,
    now: datetime,
    limit: int,
    after: ForecastKey | None,
    labels: Labels,
) -> list[SeriesForecast]:
    """Return at most `limit` forecasts with hours that are not over, by device and metric."""
    table = series_forecasts.c
    length = sa.func.make_interval(0, 0, 0, 0, sa.func.cardinality(table.expected), type_=sa.Interval)
    query = sa.select(series_forecasts, devices.c.kind, devices.c.labels)
    query = query.outerjoin_from(series_forecasts, devices, table.device_id == devices.c.device_id)
    query = query.where(is_seen(labels, table.device_id), table.first_hour + length > now)
    query = query.order_by(table.device_id, table.metric).limit(limit)
    if device_ids is not None:
        query = query.where(table.device_id.in_(device_ids))
    if metric is not None:
        query = query.where(table.metric == metric)
    if after is not None:
        query = query.where(sa.tuple_(table.device_id, table.metric) > sa.tuple_(*map(sa.literal, after)))
    rows = await database.rows(query)
    async with database.connection() as connection:
        about = {row["device_id"] for row in rows}, {row["metric"] for row in rows}
        rules = await load_rules_about(connection, *about) if rows else []
    return [_forecast(dict(row), rules, now) for row in rows]


def _forecast(row: dict[str, Any], rules: Iterable[Rule], now: datetime) -> SeriesForecast:
    kind, labels = row.pop("kind"), row.pop("labels")
    first, expected, margin = row.pop("first_hour"), row.pop("expected"), row.pop("margin")
    hours = [
        ForecastHour(first + ahead * HOUR, value, value - margin, value + margin)
        for ahead, value in enumerate(expected)
    ]
    # Each mean at the middle of its hour. Of a device that nobody registered no rule speaks.
    course = [Point(hour.ts + HOUR / 2, hour.expected) for hour in hours]
    about = [] if kind is None else [rule for rule in rules if rule.scope.covers_device(row["device_id"], kind, labels)]
    return SeriesForecast(
        **row, hours=hours, crossing=first_crossing(course, about, row["device_id"], row["metric"], now)
    )
