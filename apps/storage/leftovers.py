"""What no partition holds and must go all the same: rejected records, alerts that are long over, what was recorded for
an audit, and newest values of series that are no more.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from apps.domain.alerts import AlertState
from apps.domain.time_bounds import retention_start
from apps.storage.reading_log import RETENTION
from apps.storage.settings import GRACE, StorageSettings
from apps.storage.tables import alert_events, alerts, audit_events, latest_readings, reading_log, rejected_records

CHUNK_ROWS = 10_000
"""Rows that are deleted in one transaction, so that it is short."""


def delete_rejected(connection: sa.Connection, now: datetime, settings: StorageSettings) -> int:
    """Delete rejected records whose retention is over, at most `CHUNK_ROWS`, and return how many they were."""
    before = now - timedelta(days=settings.rejects_retention_days)
    oldest = (
        sa.select(rejected_records.c.rejected_id)
        .where(rejected_records.c.rejected_at < before)
        .order_by(rejected_records.c.rejected_at)
        .limit(CHUNK_ROWS)
    )
    return connection.execute(
        sa.delete(rejected_records).where(rejected_records.c.rejected_id.in_(oldest.scalar_subquery()))
    ).rowcount


def delete_alerts(connection: sa.Connection, now: datetime, settings: StorageSettings) -> int:
    """Delete alerts that were resolved so long ago, with their events, at most `CHUNK_ROWS`; return how many."""
    before = now - timedelta(days=settings.alerts_retention_days)
    over = (
        sa.select(alerts.c.alert_id)
        .where(alerts.c.state == AlertState.RESOLVED, alerts.c.resolved_at < before)
        .limit(CHUNK_ROWS)
        .with_for_update(skip_locked=True)  # somebody may be about to reopen it
    )
    alert_ids = list(connection.execute(over).scalars())
    connection.execute(sa.delete(alert_events).where(alert_events.c.alert_id.in_(alert_ids)))
    return connection.execute(sa.delete(alerts).where(alerts.c.alert_id.in_(alert_ids))).rowcount


def delete_audit_events(connection: sa.Connection, now: datetime, settings: StorageSettings) -> int:
    """Delete what was recorded for an audit and whose retention is over, at most `CHUNK_ROWS`; return how many."""
    before = now - timedelta(days=settings.audit_retention_days)
    # Numbered as they came, so that nothing but the oldest rows is looked at.
    oldest = sa.select(audit_events.c.event_id).order_by(audit_events.c.event_id).limit(CHUNK_ROWS)
    return connection.execute(
        sa.delete(audit_events).where(audit_events.c.event_id.in_(oldest.scalar_subquery()), audit_events.c.at < before)
    ).rowcount


def delete_unread(connection: sa.Connection, now: datetime) -> int:
    """Delete of the reading log what nobody has read for as long as it is kept, and return how many rows it was."""
    return connection.execute(sa.delete(reading_log).where(reading_log.c.logged_at < now - RETENTION)).rowcount


def forget_series(connection: sa.Connection, now: datetime, settings: StorageSettings) -> int:
    """Forget series of which no reading is kept any more, and return how many they were."""
    start = retention_start(now - GRACE, settings.readings_retention_months)
    return connection.execute(sa.delete(latest_readings).where(latest_readings.c.ts < start)).rowcount
