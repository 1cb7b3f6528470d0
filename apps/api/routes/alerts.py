"""Alerts: what a person should look at, and what people did about it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec

from apps.api import audit
from apps.api.audit import Change
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.queries import alerts
from apps.api.queries.alerts import AlertEvent, AlertKey, Subject
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.api.windows import window
from apps.domain.alerts import (
    TRANSITIONS,
    UNRESOLVED,
    Alert,
    AlertAction,
    AlertComment,
    AlertSnooze,
    AlertState,
    AlertTransition,
    Severity,
    why_no_snooze,
)
from apps.domain.devices import DeviceId
from apps.domain.text import NO_NUL_PATTERN
from apps.platform.errors import ProblemError
from apps.storage.alerts import apply_transition

router = Router("Alerts", "What a person should look at, from the moment it is noticed until it is over.")


class AlertQuery(PageQuery, frozen=True, kw_only=True):
    """Which alerts to list."""

    state: AlertState | None = None
    severity: Severity | None = None
    source: Annotated[str, msgspec.Meta(max_length=200, pattern=NO_NUL_PATTERN)] | None = None
    device_id: DeviceId | None = None
    about: Annotated[Subject, msgspec.Meta(description="Only alerts about devices, or about the platform")] | None = (
        None
    )
    snoozed: (
        Annotated[bool, msgspec.Meta(description="true: only what is snoozed now; false: only the others")] | None
    ) = None
    since: Annotated[datetime, msgspec.Meta(tz=True, description="Opened at this time or later")] | None = None
    until: Annotated[datetime, msgspec.Meta(tz=True, description="Opened before this time")] | None = None


class AlertWithEvents(Alert, frozen=True, kw_only=True):
    """An alert with what was done to it, the oldest first."""

    events: list[AlertEvent]


AlertIds: TypeAlias = Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=1000)]


class BulkAction(AlertAction, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says about many alerts at once."""

    alert_ids: AlertIds


class BulkSnooze(AlertSnooze, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a person wants nobody to be told of many alerts again."""

    alert_ids: AlertIds


class Refused(msgspec.Struct, frozen=True):
    """An alert to which it could not be done."""

    alert_id: UUID
    reason: str


class BulkAnswer(msgspec.Struct, frozen=True):
    """What became of each: `unchanged` were so already."""

    changed: list[UUID]
    unchanged: list[UUID]
    refused: list[Refused]


NO_ALERT = {404: "No such alert"}
OVER = {409: "The alert is resolved already"}
NO_SUCH_TIME = {400: "The time is past, or more than 30 days away"}
NOT_OPEN = {409: "The alert is acknowledged or resolved: nobody is told of it again anyway"}
REPLACED = {409: "A newer alert of the same source and rule is not resolved"}


@router.operation("GET", "/alerts", permission=Permission.ALERTS_READ, etag=True)
async def list_alerts(context: Context, caller: Caller, query: AlertQuery) -> Page[Alert]:
    """List alerts, the newest first."""
    rows = await alerts.find(
        context.database,
        state=query.state,
        severity=query.severity,
        source=query.source,
        device_id=query.device_id,
        about=query.about,
        snoozed=query.snoozed,
        opened=window(query.since, query.until),
        limit=query.limit + 1,
        after=decode_cursor(query, AlertKey),
        labels=caller.labels,
    )
    return page("alerts", query, rows, lambda alert: AlertKey(alert.opened_at, alert.alert_id))


@router.operation("GET", "/alerts/{alert_id}", permission=Permission.ALERTS_READ, errors=NO_ALERT, etag=True)
async def show_alert(context: Context, caller: Caller, alert_id: UUID) -> AlertWithEvents:
    """Show an alert with everything that was done to it."""
    return await _show(context, caller, alert_id)


@router.operation("POST", "/alerts/{alert_id}/acknowledge", permission=Permission.ALERTS_WRITE, errors=NO_ALERT | OVER)
async def acknowledge_alert(context: Context, caller: Caller, alert_id: UUID, body: AlertAction) -> AlertWithEvents:
    """Say that you look after an alert.

    Nobody is told of it again until it is over, or opens again. The first to say so is kept: saying it again changes
    nothing.
    """
    return await _apply(context, caller, AlertTransition.ACKNOWLEDGE, alert_id, body)


@router.operation("POST", "/alerts/{alert_id}/resolve", permission=Permission.ALERTS_WRITE, errors=NO_ALERT)
async def resolve_alert(context: Context, caller: Caller, alert_id: UUID, body: AlertAction) -> AlertWithEvents:
    """Say that an alert is over.

    The first to say so is kept: saying it again changes nothing.
    """
    return await _apply(context, caller, AlertTransition.RESOLVE, alert_id, body)


@router.operation("POST", "/alerts/{alert_id}/reopen", permission=Permission.ALERTS_WRITE, errors=NO_ALERT | REPLACED)
async def reopen_alert(context: Context, caller: Caller, alert_id: UUID, body: AlertAction) -> AlertWithEvents:
    """Take back that an alert is over.

    Not while a newer alert of the same source and rule is open or acknowledged.
    """
    return await _apply(context, caller, AlertTransition.REOPEN, alert_id, body)


@router.operation(
    "POST", "/alerts/{alert_id}/snooze", permission=Permission.ALERTS_WRITE, errors=NO_SUCH_TIME | NO_ALERT | NOT_OPEN
)
async def snooze_alert(context: Context, caller: Caller, alert_id: UUID, body: AlertSnooze) -> AlertWithEvents:
    """Let nobody be told of an alert again until a time, at most 30 days away.

    What is open then is told anew. Of what is snoozed already the time is changed; acknowledging or resolving ends it.
    """
    return await _apply(context, caller, AlertTransition.SNOOZE, alert_id, body)


@router.operation("POST", "/alerts/{alert_id}/unsnooze", permission=Permission.ALERTS_WRITE, errors=NO_ALERT)
async def unsnooze_alert(context: Context, caller: Caller, alert_id: UUID, body: AlertAction) -> AlertWithEvents:
    """Take back that an alert is snoozed.

    It is told again as if it had never been; nothing changes where it is not snoozed.
    """
    return await _apply(context, caller, AlertTransition.UNSNOOZE, alert_id, body)


@router.operation("POST", "/alerts/{alert_id}/comment", permission=Permission.ALERTS_WRITE, errors=NO_ALERT)
async def comment_alert(context: Context, caller: Caller, alert_id: UUID, body: AlertComment) -> AlertWithEvents:
    """Comment on an alert, whatever its state.

    It stays as it is; the comment stands among its events.
    """
    await _carry_out(context, caller, AlertTransition.COMMENT, [alert_id], body.comment)
    return await _show(context, caller, alert_id)


@router.operation("POST", "/alerts/acknowledge", permission=Permission.ALERTS_WRITE)
async def acknowledge_alerts(context: Context, caller: Caller, body: BulkAction) -> BulkAnswer:
    """Say that you look after many alerts."""
    return await _apply_to_all(context, caller, AlertTransition.ACKNOWLEDGE, body.alert_ids, body)


@router.operation("POST", "/alerts/resolve", permission=Permission.ALERTS_WRITE)
async def resolve_alerts(context: Context, caller: Caller, body: BulkAction) -> BulkAnswer:
    """Say that many alerts are over."""
    return await _apply_to_all(context, caller, AlertTransition.RESOLVE, body.alert_ids, body)


@router.operation("POST", "/alerts/snooze", permission=Permission.ALERTS_WRITE, errors=NO_SUCH_TIME)
async def snooze_alerts(context: Context, caller: Caller, body: BulkSnooze) -> BulkAnswer:
    """Let nobody be told of many alerts again until a time, at most 30 days away."""
    return await _apply_to_all(context, caller, AlertTransition.SNOOZE, body.alert_ids, body)


@router.operation("POST", "/alerts/unsnooze", permission=Permission.ALERTS_WRITE)
async def unsnooze_alerts(context: Context, caller: Caller, body: BulkAction) -> BulkAnswer:
    """Take back that many alerts are snoozed."""
    return await _apply_to_all(context, caller, AlertTransition.UNSNOOZE, body.alert_ids, body)


async def _apply(
    context: Context, caller: Caller, transition: AlertTransition, alert_id: UUID, action: AlertAction
) -> AlertWithEvents:
    answer = await _apply_to_all(context, caller, transition, [alert_id], action)
    for refused in answer.refused:
        raise ProblemError(404 if refused.reason == MISSING else 409, refused.reason)
    return await _show(context, caller, alert_id)


async def _apply_to_all(
    context: Context, caller: Caller, transition: AlertTransition, alert_ids: Sequence[UUID], action: AlertAction
) -> BulkAnswer:
    alert_ids = list(dict.fromkeys(alert_ids))
    until = action.until if isinstance(action, AlertSnooze) else None
    if until is not None and (reason := why_no_snooze(until, datetime.now(UTC))):
        raise ProblemError(400, reason)
    done = await _carry_out(context, caller, transition, alert_ids, action.comment, until)
    left = [alert_id for alert_id in alert_ids if alert_id not in done]
    found = await alerts.get(context.database, left) if left else {}
    answer = BulkAnswer([alert_id for alert_id in alert_ids if alert_id in done], [], [])
    for alert_id in left:
        if alert_id not in found:
            answer.refused.append(Refused(alert_id, MISSING))
        elif _is_so_already(transition, found[alert_id], until):
            answer.unchanged.append(alert_id)
        else:
            answer.refused.append(Refused(alert_id, WHY_NOT.get(transition, CHANGED)))
    return answer


async def _carry_out(
    context: Context,
    caller: Caller,
    transition: AlertTransition,
    alert_ids: Sequence[UUID],
    comment: str | None,
    until: datetime | None = None,
) -> set[UUID]:
    """Apply a transition to those of the alerts whose state allows it, record it, and return them."""
    async with context.database.transaction() as connection:
        before = await alerts.get_locked(context.database, alert_ids)
        done = await apply_transition(connection, transition, alert_ids, caller.actor, comment, snoozed_until=until)
        after = await alerts.get(context.database, done)
        changes = [
            Change(str(alert_id), _recorded(before[alert_id]), _recorded(after[alert_id]) | {"comment": comment})
            for alert_id in sorted(done)
        ]
        await audit.record_all(context.database, caller, f"alert.{transition.name.lower()}", changes)
    return done


def _recorded(alert: Alert) -> dict[str, Any]:
    """Return what the audit trail keeps of an alert."""
    return {"state": alert.state} | ({"snoozed_until": alert.snoozed_until} if alert.snoozed_until else {})


def _is_so_already(transition: AlertTransition, alert: Alert, until: datetime | None) -> bool:
    match transition:
        case AlertTransition.SNOOZE:
            return alert.state == AlertState.OPEN and alert.snoozed_until == until
        case AlertTransition.UNSNOOZE:
            return True
        case AlertTransition.REOPEN:
            return alert.state in UNRESOLVED
    return alert.state == TRANSITIONS[transition].target


async def _show(context: Context, caller: Caller, alert_id: UUID) -> AlertWithEvents:
    found = await alerts.get(context.database, [alert_id], caller.labels)
    if alert_id not in found:
        raise ProblemError(404, MISSING)
    events = await alerts.events(context.database, alert_id)
    return AlertWithEvents(**msgspec.structs.asdict(found[alert_id]), events=events)


WHY_NOT = {
    AlertTransition.ACKNOWLEDGE: "the alert is resolved already: there is nothing left to look after",
    AlertTransition.SNOOZE: "the alert is acknowledged or resolved: nobody is told of it again anyway",
    AlertTransition.REOPEN: (
        "a newer alert of the same source and rule is open or acknowledged: act on that one, which"
        " GET /api/alerts?source=SOURCE&state=open finds"
    ),
}
CHANGED = "the alert was changed at the same moment: read it again, then decide"
MISSING = "there is no such alert: list them with GET /api/alerts"
