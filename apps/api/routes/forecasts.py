"""Forecasts: what the next hours of series will probably be."""

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.queries import forecasts
from apps.api.queries.forecasts import ForecastKey, SeriesForecast
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.devices import DeviceId, IdList
from apps.domain.readings import Metric

router = Router("Forecasts", "What the next hours of series will probably be, and how sure that is.")


class ForecastsQuery(PageQuery, frozen=True, kw_only=True):
    """Which forecasts to list."""

    device_id: DeviceId | None = None
    ids: IdList | None = None
    metric: Metric | None = None


def device_ids(query: ForecastsQuery) -> list[str] | None:
    """Return which devices are meant; None: all. Whoever names one and a list means what is in both."""
    listed = None if query.ids is None else query.ids.split(",")
    if query.device_id is None:
        return listed
    return [query.device_id] if listed is None or query.device_id in listed else []


@router.operation("GET", "/forecasts", permission=Permission.READINGS_READ)
async def list_forecasts(context: Context, caller: Caller, query: ForecastsQuery) -> Page[SeriesForecast]:
    """List the newest forecast of each series, by device and metric. A series that is too young has none.

    `crossing` warns: the first limit of an enabled rule that the expected course leads across.
    """
    rows = await forecasts.of_series(
        context.database,
        device_ids=device_ids(query),
        metric=query.metric,
        now=context.now(),
        limit=query.limit + 1,
        after=decode_cursor(query, ForecastKey),
        labels=caller.labels,
    )
    return page("forecasts", query, rows, lambda row: ForecastKey(row.device_id, row.metric))
