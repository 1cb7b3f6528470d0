"""Alerts, and what was done about them."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa

from apps.api.database import Database, Row
from apps.api.queries.sql import Labels, is_seen
from apps.domain.alerts import Alert, AlertState, Severity
from apps.domain.readings import Time
from apps.domain.windows import Window
from apps.storage.tables import IS_UNRESOLVED, alert_events, alerts, devices

Subject = Literal["devices", "platform"]
"""Whether an alert is about a registered device, or about the platform itself."""


class AlertKey(NamedTuple):
    """What the list is sorted by."""

    opened_at: Time
    alert_id: UUID


class AlertEvent(msgspec.Struct, frozen=True):
    """Who did what to an alert, and when."""

    at: datetime
    actor: str
    action: str
    """What was done: opened, acknowledged, snoozed, unsnoozed, commented, reopened or resolved."""
    comment: str | None
    happened_at: datetime | None
    """When it was so in the readings' own time, where readings made it happen."""
    snoozed_until: datetime | None
    """Until when it was snoozed."""


async def find(
    database: Database,
    *,
    state: AlertState | None,
    severity: Severity | None,
    source: str | None,
    device_id: str | None,
    about: Subject | None,
    snoozed: bool | None,
    opened: Window,
    limit: int,
    after: AlertKey | None,
    labels: Labels,
) -> list[Alert]:
    """Return at most `limit` alerts, the newest first."""
    query = sa.select(alerts).order_by(alerts.c.opened_at.desc(), alerts.c.alert_id.desc()).limit(limit)
    query = query.where(is_seen(labels, alerts.c.device_id))
    given = {alerts.c.state: state, alerts.c.severity: severity, alerts.c.source: source}
    query = query.where(*(column == str(value) for column, value in given.items() if value is not None))
    # Of what does not name its device, the part of the source before the slash is one, or a part of the platform.
    subject = sa.func.coalesce(alerts.c.device_id, sa.func.split_part(alerts.c.source, "/", 1))
    if device_id is not None:
        query = query.where(subject == device_id)
    if about is not None:
        is_device = sa.exists().where(devices.c.device_id == subject)
        query = query.where(is_device if about == "devices" else ~is_device)
    if snoozed is not None:
        is_snoozed = sa.and_(alerts.c.state == AlertState.OPEN, alerts.c.snoozed_until > sa.func.now())
        query = query.where(sa.func.coalesce(is_snoozed, sa.false()) == snoozed)
    if opened.since is not None:
        query = query.where(alerts.c.opened_at >= opened.since)
    if opened.until is not None:
        query = query.where(alerts.c.opened_at < opened.until)
    if after is not None:
        query = query.where(sa.tuple_(alerts.c.opened_at, alerts.c.alert_id) < sa.tuple_(*map(sa.literal, after)))
    return [_alert(row) for row in await database.rows(query)]


async def get(database: Database, alert_ids: Collection[UUID], labels: Labels = None) -> dict[UUID, Alert]:
    """Return the alerts of these ids that there are and that are seen."""
    query = sa.select(alerts).where(alerts.c.alert_id.in_(alert_ids), is_seen(labels, alerts.c.device_id))
    rows = await database.rows(query)
    return {row["alert_id"]: _alert(row) for row in rows}


async def get_locked(database: Database, alert_ids: Collection[UUID]) -> dict[UUID, Alert]:
    """Return them likewise, as they stay until the caller's transaction ends."""
    query = sa.select(alerts).where(alerts.c.alert_id.in_(alert_ids)).order_by(alerts.c.alert_id).with_for_update()
    return {row["alert_id"]: _alert(row) for row in await database.rows(query)}


async def events(database: Database, alert_id: UUID) -> list[AlertEvent]:
    """Return what was done to an alert, the oldest first."""
    query = sa.select(alert_events).where(alert_events.c.alert_id == alert_id).order_by(alert_events.c.event_id)
    return [
        AlertEvent(row["at"], row["actor"], row["action"], row["comment"], row["happened_at"], row["snoozed_until"])
        for row in await database.rows(query)
    ]


async def unresolved_or_recent(connection: asyncpg.Connection) -> list[Alert]:
    """Return the alerts that are not over, and those that changed within the last 5 minutes."""
    recently = "updated_at > clock_timestamp() - interval '5 minutes'"
    return [_alert(row) for row in await connection.fetch(f"{_SELECT} WHERE {IS_UNRESOLVED} OR {recently}")]


async def changed(connection: asyncpg.Connection, after: datetime) -> list[Alert]:
    """Return the alerts that were changed after a time."""
    return [_alert(row) for row in await connection.fetch(f"{_SELECT} WHERE updated_at > $1", after)]


def _alert(row: Row) -> Alert:
    return msgspec.convert(dict(row), Alert)


_SELECT = "SELECT * FROM alerts"
