"""Changing alerts: the one place that writes `alerts` and `alert_events`.

It carries out the state machine of `apps.domain.alerts`. Each change leaves an event that says who did it, and notifies
whoever follows alerts.
"""

from collections.abc import Collection
from uuid import UUID

from apps.domain.alerts import TRANSITIONS, AlertTransition, Anomaly
from apps.storage.channels import Channel, notify
from apps.storage.connection import Connection
from apps.storage.tables import IS_UNRESOLVED


async def raise_alert(connection: Connection, anomaly: Anomaly, actor: str) -> bool:
    """Raise an alert, or refresh the unresolved one of the same source and rule. Return whether it was raised.

    A refresh changes no state. Expected value, window's start and model stay as they were when the alert was raised:
    they say what was noticed.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            _UPSERT,
            TRANSITIONS[AlertTransition.RAISE].target,
            anomaly.source,
            anomaly.rule,
            anomaly.severity,
            anomaly.message,
            anomaly.score,
            anomaly.window_start,
            anomaly.window_end,
            anomaly.expected,
            anomaly.observed,
            anomaly.model,
            anomaly.model_version,
        )
        if row is None:
            raise RuntimeError("an upsert that returns no row")
        if row["raised"]:
            await _record(connection, AlertTransition.RAISE, [row["alert_id"]], actor, anomaly.message)
        await notify(connection, Channel.ALERTS)
    return bool(row["raised"])


async def clear_alert(connection: Connection, source: str, rule: str, actor: str, reason: str) -> None:
    """Resolve the alert of a source and rule, because what was noticed is over. A person may have been quicker."""
    query = f"SELECT alert_id FROM alerts WHERE source = $1 AND rule = $2 AND {IS_UNRESOLVED}"  # noqa: S608
    alert_id = await connection.fetchval(query, source, rule)
    if alert_id is not None:
        await apply_transition(connection, AlertTransition.CLEAR, [alert_id], actor, reason)


async def apply_transition(
    connection: Connection, transition: AlertTransition, alert_ids: Collection[UUID], actor: str, comment: str | None
) -> set[UUID]:
    """Apply a transition to those of the alerts whose state allows it, and return them."""
    sources, target = TRANSITIONS[transition]
    async with connection.transaction():
        # In one order, so that two that change the same alerts wait for each other instead of locking up.
        await connection.execute(_LOCK, alert_ids)
        rows = await connection.fetch(_TRANSITION.format(target=target), alert_ids, list(sources), target, actor)
        changed = {row["alert_id"] for row in rows}
        if changed:
            await _record(connection, transition, changed, actor, comment)
            await notify(connection, Channel.ALERTS)
    return changed


async def _record(
    connection: Connection, transition: AlertTransition, alert_ids: Collection[UUID], actor: str, comment: str | None
) -> None:
    await connection.execute(_EVENTS, alert_ids, actor, transition, comment)


_UPSERT = f"""
INSERT INTO alerts (state, source, rule, severity, message, score, window_start, window_end, expected, observed,
                    model, model_version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (source, rule) WHERE {IS_UNRESOLVED} DO UPDATE
SET message = excluded.message, observed = excluded.observed, window_end = excluded.window_end,
    score = excluded.score, updated_at = clock_timestamp()
RETURNING alert_id, xmax = 0 AS raised -- xmax: no row version before this one
"""  # noqa: S608

_LOCK = "SELECT FROM alerts WHERE alert_id = ANY($1::uuid[]) ORDER BY alert_id FOR UPDATE"

# A state has the columns that say when it was reached and by whom.
_TRANSITION = """
UPDATE alerts
SET state = $3, updated_at = clock_timestamp(), {target}_at = clock_timestamp(), {target}_by = $4
WHERE alert_id = ANY($1::uuid[]) AND state = ANY($2::text[])
RETURNING alert_id
"""

_EVENTS = """
INSERT INTO alert_events (alert_id, actor, action, comment) SELECT alert_id, $2, $3, $4
FROM unnest($1::uuid[]) AS changed (alert_id)
"""
