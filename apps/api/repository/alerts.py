"""Alerts, and what was done about them."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa

from apps.api.repository.database import Repository, Row
from apps.domain.alerts import Alert, AlertState, Severity
from apps.storage.tables import alert_events, alerts


class AlertPosition(NamedTuple):
    """The place of an alert in the list."""

    opened_at: datetime
    alert_id: UUID


class AlertEvent(msgspec.Struct, frozen=True):
    """Who did what to an alert, and when."""

    at: datetime
    actor: str
    action: str
    comment: str | None


async def find(
    repository: Repository,
    *,
    state: AlertState | None,
    severity: Severity | None,
    source: str | None,
    limit: int,
    after: AlertPosition | None,
) -> list[Alert]:
    """Return at most `limit` alerts, the newest first."""
    query = sa.select(alerts).order_by(alerts.c.opened_at.desc(), alerts.c.alert_id.desc()).limit(limit)
    given = {alerts.c.state: state, alerts.c.severity: severity, alerts.c.source: source}
    query = query.where(*(column == str(value) for column, value in given.items() if value is not None))
    if after is not None:
        query = query.where(sa.tuple_(alerts.c.opened_at, alerts.c.alert_id) < sa.tuple_(*map(sa.literal, after)))
    return [as_alert(row) for row in await repository.rows(query)]


async def get(repository: Repository, alert_ids: Collection[UUID]) -> dict[UUID, Alert]:
    """Return the alerts of these ids that there are."""
    rows = await repository.rows(sa.select(alerts).where(alerts.c.alert_id.in_(alert_ids)))
    return {row["alert_id"]: as_alert(row) for row in rows}


async def events(repository: Repository, alert_id: UUID) -> list[AlertEvent]:
    """Return what was done to an alert, the oldest first."""
    query = sa.select(alert_events).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.event_id)
    return [AlertEvent(row["at"], row["actor"], row["action"], row["comment"]) for row in await repository.rows(query)]


def as_alert(row: Row) -> Alert:
    """Return a row of `alerts` as an alert."""
    return msgspec.convert(dict(row), Alert)
