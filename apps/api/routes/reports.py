"""Reports of months: what Spark found in the archive."""

import msgspec

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.queries import reports
from apps.api.queries.reports import FleetReport, Month, SeriesKey, SeriesReport, Trouble
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.devices import DeviceId

router = Router("Reports", "What each month says of devices: availability, gaps, drift, values that stood still.")


class ReportsQuery(PageQuery, frozen=True, kw_only=True):
    """Which reports to list."""

    device_id: DeviceId | None = None
    month: Month | None = None
    finding: Trouble | None = None


class FleetReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which month; the newest."""

    month: Month | None = None


@router.operation("GET", "/reports", permission=Permission.READINGS_READ)
async def list_reports(context: Context, caller: Caller, query: ReportsQuery) -> Page[SeriesReport]:
    """List the months of series, the newest first."""
    rows = await reports.of_series(
        context.database,
        device_id=query.device_id,
        month=query.month,
        finding=query.finding,
        limit=query.limit + 1,
        after=decode_cursor(query, SeriesKey),
        labels=caller.labels,
    )
    return page("reports", query, rows, lambda row: SeriesKey(row.month, row.device_id, row.metric))


@router.operation("GET", "/reports/fleet", permission=Permission.READINGS_READ)
async def show_fleet_report(context: Context, caller: Caller, query: FleetReportQuery) -> FleetReport:
    """Show the month of the fleet by kind."""
    return await reports.of_fleet(context.database, query.month, caller.labels)
