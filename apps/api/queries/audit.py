"""The audit trail as it is read."""

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from apps.api.database import Database
from apps.storage.tables import audit_events


class AuditEvent(msgspec.Struct, frozen=True):
    """Who changed what, from where, and what it was before and after: null where it was not there."""

    event_id: int
    at: datetime
    actor: str
    address: str
    action: str
    subject: str
    before: Any
    after: Any


async def find(
    database: Database, *, actor: str | None, action: str | None, subject: str | None, limit: int, after: int | None
) -> list[AuditEvent]:
    """Return at most `limit` events, the newest first."""
    query = sa.select(audit_events).order_by(audit_events.c.event_id.desc()).limit(limit)
    given = {audit_events.c.actor: actor, audit_events.c.action: action, audit_events.c.subject: subject}
    query = query.where(*(column == value for column, value in given.items() if value is not None))
    if after is not None:
        query = query.where(audit_events.c.event_id < after)
    return [
        AuditEvent(**dict(row) | {name: _decode(row[name]) for name in ("before", "after")})
        for row in await database.rows(query)
    ]


def _decode(document: str | None) -> Any:
    return None if document is None else msgspec.json.decode(document)
