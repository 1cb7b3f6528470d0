"""Rejected records: what the platform could not store."""

from typing import Annotated

import msgspec

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.queries import rejected
from apps.api.queries.rejected import RejectedRecord
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.devices import DeviceId

router = Router("Rejected records", "What could not be stored is kept here with its reason.")


RejectedId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
"""What the database numbers them with."""


class RejectedQuery(PageQuery, frozen=True, kw_only=True):
    """Which rejected records to list."""

    device_id: DeviceId | None = None


@router.operation("GET", "/rejected", permission=Permission.REJECTED_READ)
async def list_rejected(context: Context, caller: Caller, query: RejectedQuery) -> Page[RejectedRecord]:
    """List rejected records, the newest first.

    They hold what devices really sent.
    """
    rows = await rejected.find(
        context.database,
        device_id=query.device_id,
        limit=query.limit + 1,
        after=decode_cursor(query, RejectedId),
        labels=caller.labels,
    )
    return page("rejected", query, rows, lambda row: row.rejected_id)
