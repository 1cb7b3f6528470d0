"""The audit trail."""

from typing import Annotated

import msgspec

from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.queries import audit
from apps.api.queries.audit import AuditEvent
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.text import NO_NUL_PATTERN

router = Router("Audit", "Who changed what, from where, and what it was before and after.")

EventId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=200, pattern=NO_NUL_PATTERN)]


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Which events to list."""

    actor: Text | None = None
    action: Text | None = None
    subject: Text | None = None


@router.operation("GET", "/audit", permission=Permission.AUDIT_READ)
async def list_audit_events(context: Context, query: AuditQuery) -> Page[AuditEvent]:
    """List what people and programs changed, the newest first."""
    rows = await audit.find(
        context.database,
        actor=query.actor,
        action=query.action,
        subject=query.subject,
        limit=query.limit + 1,
        after=decode_cursor(query, EventId),
    )
    return page("audit", query, rows, lambda event: event.event_id)
