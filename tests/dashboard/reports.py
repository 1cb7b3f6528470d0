"""What the stub says of months: the reports of series and of the fleet."""

from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MONTHS = ["2026-10", "2026-09"]
FINDINGS = ["silent", "gaps"]
SAID_OF_A_SERIES = {
    "kind": "power",
    "readings": 86_400,
    "interval_seconds": 30.0,
    "gaps": 3,
    "longest_gap_seconds": 54_000.0,
    "silent_seconds": 3600.0,
    "availability": 0.93,
    "minimum": 15.0,
    "p05": 18.2,
    "p50": 21.4,
    "p95": 25.9,
    "maximum": 31.0,
    "longest_same_seconds": 0.0,
    "drift": 0.42,
    "findings": FINDINGS,
}
SAID_OF_A_KIND = {
    "devices": 1,
    "readings": 86_400,
    "availability": 0.93,
    "silent": 1,
    "gaps": 1,
    "stuck": 0,
    "drifting": 0,
}


class Fleet(Protocol):
    """Which devices there are, and which series have readings."""

    devices: dict[str, dict[str, Any]]
    latest: dict[tuple[str, str], dict[str, Any]]


def report_routes(fleet: Fleet) -> list[Route]:
    """Of each series, whichever it is, two months in which the same was wrong."""

    async def list_reports(request: Request) -> Response:
        query = request.query_params
        found = [
            {"month": month, "device_id": device_id, "metric": metric, **SAID_OF_A_SERIES}
            for device_id, metric in fleet.latest
            for month in MONTHS
            if query.get("device_id", device_id) == device_id
            and query.get("month", month) == month
            and query.get("finding", "gaps") in FINDINGS
        ]
        return JSONResponse({"items": found, "next_cursor": None})

    async def fleet_report(_: Request) -> Response:
        kinds = sorted({device["kind"] for device in fleet.devices.values()})
        rows = [{"kind": kind, **SAID_OF_A_KIND} for kind in kinds]
        return JSONResponse({"month": MONTHS[0], "months": MONTHS, "kinds": rows})

    return [Route("/api/reports", list_reports), Route("/api/reports/fleet", fleet_report)]
