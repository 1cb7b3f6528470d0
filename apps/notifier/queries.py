"""Which alerts people are told of now, and which of them Alertmanager already took."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from apps.domain.alerts import PLATFORM_RULE, Alert, AlertTransition
from apps.notifier.wording import Notice
from apps.storage.tables import IS_UNRESOLVED

MAX_NOTICES = 5_000
"""Alerts at a time, the newest first: many more than anybody reads, few enough for any Alertmanager."""


class Due(NamedTuple):
    """What Alertmanager is told, by the database's clock."""

    now: datetime
    notices: list[Notice]


async def fetch_due(connection: asyncpg.Connection) -> Due:
    """Return every alert that is not over, was over just now, or was over before Alertmanager heard of it.

    Of those about the platform itself that page, only what somebody acknowledged or snoozed: Prometheus tells of them,
    by `predictive_alert`.
    """
    rows = await connection.fetch(_DUE, PLATFORM_RULE, MAX_NOTICES, AlertTransition.COMMENT, _QUIETING)
    now: datetime = rows[0]["now"] if rows else await connection.fetchval("SELECT now()")
    return Due(now, [_notice(row) for row in rows])


async def note_sent(connection: asyncpg.Connection, alert_ids: Collection[UUID]) -> None:
    """Remember that Alertmanager took the alerts."""
    await connection.execute(_NOTE, list(alert_ids))


def _notice(row: asyncpg.Record) -> Notice:
    alert = msgspec.convert({name: row[name] for name in Alert.__struct_fields__}, Alert, strict=False)
    return Notice(alert, row["device_name"], row["rule_name"], row["first_sent_at"], row["was_quiet"], row["reminders"])


_QUIETING = (AlertTransition.ACKNOWLEDGE, AlertTransition.SNOOZE)

_COLUMNS = ", ".join(f"alerts.{name}" for name in Alert.__struct_fields__)

# What ended lately is told again and again for a while: an Alertmanager that was away hears of the end too.
_DUE = f"""
SELECT {_COLUMNS}, first_sent_at, now() AS now,
       devices.name AS device_name, rules.spec->>'name' AS rule_name, was_quiet, reminders
FROM alerts
CROSS JOIN LATERAL (
    -- A snooze ran out when nothing changed the alert before its end.
    SELECT count(*) > 0 AS was_quiet,
           count(*) FILTER (WHERE snoozed_until <= coalesce(next_at, now())) AS reminders
    FROM (
        SELECT action, alert_events.snoozed_until, lead(at) OVER (ORDER BY event_id) AS next_at
        FROM alert_events WHERE alert_events.alert_id = alerts.alert_id AND action <> $3
    ) AS changes
    WHERE action = ANY($4)
) AS trail
LEFT JOIN alert_notifications USING (alert_id)
LEFT JOIN devices USING (device_id)
LEFT JOIN rules ON rules.rule_id = alerts.rule
WHERE (rule <> $1 OR was_quiet) AND (
    {IS_UNRESOLVED}
    OR resolved_at > now() - interval '15 minutes'
    OR resolved_at > now() - interval '1 day'
    AND (first_sent_at IS NULL OR first_sent_at > now() - interval '15 minutes')
)
ORDER BY opened_at DESC
LIMIT $2
"""  # noqa: S608

_NOTE = """
INSERT INTO alert_notifications (alert_id)
SELECT alert_id FROM unnest($1::uuid[]) AS sent (alert_id) JOIN alerts USING (alert_id)
ON CONFLICT DO NOTHING
"""
