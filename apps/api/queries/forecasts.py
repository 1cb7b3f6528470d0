"""What series will probably be in the next hours (docs/forecasts.md)."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from apps.api.database import Database
from apps.api.queries.sql import Labels, is_seen
from apps.storage.forecast_tables import series_forecasts

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


class ForecastKey(NamedTuple):
    """Where a page of forecasts begins: after this one."""

    device_id: str
    metric: str


async def of_series(
    database: Database,
    *,
    device_id: str | None,
    metric: str | None,
    now: datetime,
    limit: int,
    after: ForecastKey | None,
    labels: Labels,
) -> list[SeriesForecast]:
    """Return at most `limit` forecasts with hours that are not over, by device and metric."""
    table = series_forecasts.c
    length = sa.func.make_interval(0, 0, 0, 0, sa.func.cardinality(table.expected), type_=sa.Interval)
    query = sa.select(series_forecasts).where(is_seen(labels, table.device_id), table.first_hour + length > now)
    query = query.order_by(table.device_id, table.metric).limit(limit)
    if device_id is not None:
        query = query.where(table.device_id == device_id)
    if metric is not None:
        query = query.where(table.metric == metric)
    if after is not None:
        query = query.where(sa.tuple_(table.device_id, table.metric) > sa.tuple_(*map(sa.literal, after)))
    return [_forecast(dict(row)) for row in await database.rows(query)]


def _forecast(row: dict[str, Any]) -> SeriesForecast:
    first, expected, margin = row.pop("first_hour"), row.pop("expected"), row.pop("margin")
    hours = [
        ForecastHour(first + ahead * HOUR, value, value - margin, value + margin)
        for ahead, value in enumerate(expected)
    ]
    return SeriesForecast(**row, hours=hours)
