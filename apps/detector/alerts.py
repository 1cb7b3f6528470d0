"""The detector's rows of `alerts`: opened once for each (source, rule), kept up to date, resolved when it is over."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from apps.domain.alerts import Finding
from apps.storage.tables import ALERTS_CHANNEL

ACTOR = "detector"


class Unresolved(NamedTuple):
    """An alert that is open or acknowledged: what was expected as it opened, and what was observed last."""

    source: str
    opened_at: datetime
    updated_at: datetime
    score: float
    expected: float
    observed: float


async def unresolved(connection: asyncpg.Connection, rule: str) -> dict[str, Unresolved]:
    """Return the alerts of a rule that are not over, by source."""
    rows = await connection.fetch(
        "SELECT source, opened_at, updated_at, coalesce(score, 0) AS score, coalesce(expected, 0) AS expected, "
        "coalesce(observed, 0) AS observed FROM alerts WHERE rule = $1 AND state <> 'resolved'",
        rule,
    )
    return {row["source"]: Unresolved(**row) for row in rows}


async def record(connection: asyncpg.Connection, finding: Finding) -> bool:
    """Open an alert, or bring the one that is there up to date. Return whether it was opened.

    Expected value, window's start and model stay as they were when it was opened: they say what was noticed.
    """
    async with connection.transaction():
        row = await connection.fetchrow(
            """
            INSERT INTO alerts (source, rule, severity, message, score, window_start, window_end, expected, observed,
                                model, model_version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (source, rule) WHERE state <> 'resolved' DO UPDATE
            SET message = excluded.message, observed = excluded.observed, window_end = excluded.window_end,
                score = excluded.score, updated_at = clock_timestamp()
            RETURNING alert_id, xmax = 0 AS opened
            """,  # xmax: no row version before this one
            finding.source,
            finding.rule,
            finding.severity,
            finding.message,
            finding.score,
            finding.window_start,
            finding.window_end,
            finding.expected,
            finding.observed,
            finding.model,
            finding.model_version,
        )
        if row is None:
            raise RuntimeError("an upsert that returns no row")
        if row["opened"]:
            await _audit(connection, row["alert_id"], "opened", finding.message)
        await _announce(connection)
    return bool(row["opened"])


async def resolve(connection: asyncpg.Connection, source: str, rule: str, reason: str) -> None:
    """Resolve an alert that is over."""
    async with connection.transaction():
        alert_id = await connection.fetchval(
            """
            UPDATE alerts SET state = 'resolved', resolved_at = clock_timestamp(), resolved_by = $3,
                              updated_at = clock_timestamp()
            WHERE source = $1 AND rule = $2 AND state <> 'resolved' RETURNING alert_id
            """,
            source,
            rule,
            ACTOR,
        )
        if alert_id is not None:  # else a person was quicker
            await _audit(connection, alert_id, "resolved", reason)
            await _announce(connection)


async def states(connection: asyncpg.Connection) -> dict[str, bool]:
    """Return whether an alert is unresolved, for each source that has one or had one within the last hour."""
    rows = await connection.fetch(
        "SELECT source, bool_or(state <> 'resolved') AS alerting FROM alerts "
        "WHERE state <> 'resolved' OR resolved_at > now() - interval '1 hour' GROUP BY source"
    )
    return {row["source"]: row["alerting"] for row in rows}


async def _audit(connection: asyncpg.Connection, alert_id: UUID, action: str, comment: str) -> None:
    await connection.execute(
        "INSERT INTO alert_events (alert_id, actor, action, comment) VALUES ($1, $2, $3, $4)",
        alert_id,
        ACTOR,
        action,
        comment,
    )


async def _announce(connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT pg_notify($1, '')", ALERTS_CHANNEL)
