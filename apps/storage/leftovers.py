"""What no partition holds and must go all the same: rejected records, and newest values of series that are no more."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from apps.domain.time_bounds import retention_start
from apps.storage.settings import GRACE, StorageSettings
from apps.storage.tables import latest_readings, rejected_records

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


def forget_series(connection: sa.Connection, now: datetime, settings: StorageSettings) -> int:
    """Forget series of which no reading is kept any more, and return how many they were."""
    start = retention_start(now - GRACE, settings.readings_retention_months)
    return connection.execute(sa.delete(latest_readings).where(latest_readings.c.ts < start)).rowcount
