"""Alerts, and what people did about them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa

from apps.api.repository.database import Repository, Row
from apps.domain.alerts import Alert, AlertAction, AlertState, Severity
from apps.storage.tables import ALERTS_CHANNEL, alert_events, alerts


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


class Deed(StrEnum):
    """What a person may do to an alert."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


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


async def do(repository: Repository, deed: Deed, alert_ids: Sequence[UUID], said: AlertAction) -> set[UUID]:
    """Do it to those of the alerts whose state allows it, and return them. Each gets an event; who listens is told."""
    transition = _TRANSITIONS[deed]
    async with repository.transaction() as connection:
        # In one order, so that two that act on the same alerts wait for each other instead of locking up.
        await repository.run(
            sa.select(alerts.c.alert_id)
            .where(alerts.c.alert_id.in_(alert_ids))
            .order_by(alerts.c.alert_id)
            .with_for_update()
        )
        now = sa.func.clock_timestamp()
        changed = await repository.rows(
            sa.update(alerts)
            .where(alerts.c.alert_id.in_(alert_ids), alerts.c.state.in_(transition.allowed))
            .values({"state": transition.state, "updated_at": now, transition.at: now, transition.by: said.actor})
            .returning(alerts.c.alert_id)
        )
        done = {row["alert_id"] for row in changed}
        if done:
            event = {"actor": said.actor, "action": str(deed), "comment": said.comment}
            await repository.run(sa.insert(alert_events).values([{"alert_id": each, **event} for each in done]))
            await connection.execute(f"NOTIFY {ALERTS_CHANNEL}")
    return done


def as_alert(row: Row) -> Alert:
    """Return a row of `alerts` as an alert."""
    return msgspec.convert(dict(row), Alert)


class _Transition(msgspec.Struct, frozen=True):
    allowed: tuple[str, ...]
    state: str
    at: str
    by: str


_TRANSITIONS = {
    Deed.ACKNOWLEDGE: _Transition(("open",), "acknowledged", "acknowledged_at", "acknowledged_by"),
    Deed.RESOLVE: _Transition(("open", "acknowledged"), "resolved", "resolved_at", "resolved_by"),
}
