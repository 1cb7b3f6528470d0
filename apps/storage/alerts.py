"""Changing alerts: the one place that writes `alerts` and `alert_events`.

It carries out the state machine of `apps.domain.alerts`. Each change leaves an event that says who did it, and notifies
whoever follows alerts.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from apps.domain.alerts import REOPEN_WITHIN, TRANSITIONS, AlertState, AlertTransition, Anomaly
from apps.storage.channels import Channel, notify
from apps.storage.connection import Connection
from apps.storage.tables import IS_UNRESOLVED


async def raise_alert(
    connection: Connection, anomaly: Anomaly, actor: str, reopen_within: timedelta = REOPEN_WITHIN
) -> AlertTransition | None:
    """Open an alert, reopen the one that was resolved a moment ago, or refresh the unresolved one.

    Returns what happened: OPEN, REOPEN, or None for a refresh, which changes no state and leaves no event. What was
    expected, since when and by which model stays as it was when the alert was opened: it says what was noticed. Kind,
    unit and labels of the device are taken from the registry.
    """
    noticed = (
        anomaly.source,
        anomaly.rule,
        anomaly.severity,
        anomaly.message,
        anomaly.device_id,
        anomaly.metric,
        anomaly.since,
        anomaly.threshold,
        anomaly.labels,
        anomaly.rule_version,
        anomaly.score,
        anomaly.window_start,
        anomaly.window_end,
        anomaly.expected,
        anomaly.observed,
        anomaly.model,
        anomaly.model_version,
    )
    async with connection.transaction():
        alert_id = await connection.fetchval(_REOPEN, *noticed, reopen_within)
        transition: AlertTransition | None = AlertTransition.REOPEN
        if alert_id is None:
            row = await connection.fetchrow(_UPSERT, *noticed)
            if row is None:
                raise RuntimeError("an upsert that returns no row")
            alert_id, transition = row["alert_id"], AlertTransition.OPEN if row["opened"] else None
        if transition is not None:
            await _record(connection, transition, [alert_id], actor, anomaly.message, anomaly.since)
        await notify(connection, Channel.ALERTS)
    return transition


async def clear_alert(
    connection: Connection, source: str, rule: str, actor: str, reason: str, happened_at: datetime | None = None
) -> None:
    """Resolve the alert of a source and rule, because what was noticed is over. A person may have been quicker.

    `happened_at`: when it was over in the readings' own time.
    """
    query = f"SELECT alert_id FROM alerts WHERE source = $1 AND rule = $2 AND {IS_UNRESOLVED}"  # noqa: S608
    alert_id = await connection.fetchval(query, source, rule)
    if alert_id is not None:
        await apply_transition(connection, AlertTransition.RESOLVE, [alert_id], actor, reason, happened_at)


async def apply_transition(
    connection: Connection,
    transition: AlertTransition,
    alert_ids: Collection[UUID],
    actor: str,
    comment: str | None,
    happened_at: datetime | None = None,
    snoozed_until: datetime | None = None,
) -> set[UUID]:
    """Apply a transition to those of the alerts whose state allows it, and return them.

    An alert is not reopened while another of its source and rule is unresolved. `snoozed_until` belongs to SNOOZE,
    which changes nothing of what is snoozed until then already; UNSNOOZE changes nothing of what is not snoozed.
    """
    sources, _ = TRANSITIONS[transition]
    async with connection.transaction():
        # In one order, so that two that change the same alerts wait for each other instead of locking up.
        await connection.execute(_LOCK, alert_ids)
        rows = await connection.fetch(_CHANGE[transition], alert_ids, list(sources), actor, snoozed_until)
        changed = {row["alert_id"] for row in rows}
        if changed:
            await _record(connection, transition, changed, actor, comment, happened_at, snoozed_until)
            await notify(connection, Channel.ALERTS)
    return changed


async def _record(
    connection: Connection,
    transition: AlertTransition,
    alert_ids: Collection[UUID],
    actor: str,
    comment: str | None,
    happened_at: datetime | None,
    snoozed_until: datetime | None = None,
) -> None:
    await connection.execute(_EVENTS, alert_ids, actor, transition, comment, happened_at, snoozed_until)


_NOTICED = """source, rule, severity, message, device_id, metric, since, threshold, labels, rule_version, score,
    window_start, window_end, expected, observed, model, model_version"""

# What the registry says of the device, once for all that follows.
_GIVEN = f"""
WITH given ({_NOTICED}) AS (
    VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::timestamptz, $8::float8, $9::text[],
            $10::int, $11::float8, $12::timestamptz, $13::timestamptz, $14::float8, $15::float8, $16::text, $17::text)
), noticed AS (
    SELECT given.*, kind, devices.attributes ->> (metric || '_unit') AS unit,
        ARRAY(SELECT DISTINCT unnest(given.labels || devices.labels) ORDER BY 1) AS all_labels
    FROM given LEFT JOIN devices USING (device_id)
)
"""  # noqa: S608

_UPSERT = f"""
{_GIVEN}
INSERT INTO alerts (state, {_NOTICED}, kind, unit)
SELECT '{AlertState.OPEN}', {_NOTICED.replace("labels", "all_labels")}, kind, unit FROM noticed
ON CONFLICT (source, rule) WHERE {IS_UNRESOLVED} DO UPDATE
SET message = excluded.message, observed = excluded.observed, window_end = excluded.window_end,
    score = excluded.score, updated_at = clock_timestamp()
RETURNING alert_id, xmax = 0 AS opened -- xmax: no row version before this one
"""  # noqa: S608

# The state is asked twice: of two that reopen at once, the second finds it reopened when its turn comes.
_REOPEN = f"""
{_GIVEN}, last AS (
    SELECT alert_id, noticed.* FROM noticed CROSS JOIN LATERAL (
        SELECT alert_id, resolved_at FROM alerts
        WHERE (alerts.source, alerts.rule) = (noticed.source, noticed.rule) AND NOT {IS_UNRESOLVED}
        ORDER BY resolved_at DESC LIMIT 1
    ) AS newest
    WHERE resolved_at > clock_timestamp() - $18::interval AND NOT EXISTS (
        SELECT FROM alerts WHERE (alerts.source, alerts.rule) = (noticed.source, noticed.rule) AND {IS_UNRESOLVED}
    )
)
UPDATE alerts
SET state = '{AlertState.OPEN}', updated_at = clock_timestamp(),
    acknowledged_at = NULL, acknowledged_by = NULL, resolved_at = NULL, resolved_by = NULL, snoozed_until = NULL,
    severity = last.severity, message = last.message, since = last.since, threshold = last.threshold,
    labels = last.all_labels, rule_version = last.rule_version, score = last.score,
    window_start = last.window_start, window_end = last.window_end, expected = last.expected,
    observed = last.observed, model = last.model, model_version = last.model_version,
    kind = last.kind, unit = last.unit
FROM last WHERE alerts.alert_id = last.alert_id AND NOT {IS_UNRESOLVED}
RETURNING alerts.alert_id
"""  # noqa: S608

_LOCK = "SELECT FROM alerts WHERE alert_id = ANY($1::uuid[]) ORDER BY alert_id FOR UPDATE"


def _change(changes: str, condition: str = "true", snooze: str = "$4") -> str:
    """`snooze`: what becomes of `snoozed_until`; any new state ends a snooze, because $4 is null then."""
    return f"""
    UPDATE alerts SET {changes}, snoozed_until = {snooze}::timestamptz, updated_at = clock_timestamp()
    WHERE alert_id = ANY($1::uuid[]) AND state = ANY($2::text[]) AND $3::text <> '' AND {condition}
    RETURNING alert_id
    """  # noqa: S608


# A state has the columns that say when it was reached and by whom; a reopened alert is as one that was just opened.
_CHANGE = {
    AlertTransition.ACKNOWLEDGE: _change(
        f"state = '{AlertState.ACKNOWLEDGED}', acknowledged_at = clock_timestamp(), acknowledged_by = $3"
    ),
    AlertTransition.SNOOZE: _change("state = state", "snoozed_until IS DISTINCT FROM $4"),
    AlertTransition.UNSNOOZE: _change("state = state", "snoozed_until > clock_timestamp()"),
    AlertTransition.COMMENT: _change("state = state", snooze="coalesce($4, snoozed_until)"),
    AlertTransition.RESOLVE: _change(
        f"state = '{AlertState.RESOLVED}', resolved_at = clock_timestamp(), resolved_by = $3"
    ),
    AlertTransition.REOPEN: _change(
        f"state = '{AlertState.OPEN}', acknowledged_at = NULL, acknowledged_by = NULL, resolved_at = NULL,"
        " resolved_by = NULL",
        f"""NOT EXISTS (
            SELECT FROM alerts AS other
            WHERE (other.source, other.rule) = (alerts.source, alerts.rule) AND other.{IS_UNRESOLVED}
        )""",
    ),
}

_EVENTS = """
INSERT INTO alert_events (alert_id, actor, action, comment, happened_at, snoozed_until)
SELECT alert_id, $2, $3, $4, $5, $6
FROM unnest($1::uuid[]) AS changed (alert_id)
"""
