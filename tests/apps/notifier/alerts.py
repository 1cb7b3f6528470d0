"""Alerts as tests raise them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from apps.domain.alerts import Alert, AlertState, AlertTransition, Anomaly, Severity
from apps.storage.alerts import apply_transition, raise_alert

NOW = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
COLD_ROOM = "Cold room 3"


def alert(**changes: Any) -> Alert:
    """Return an open alert about a freezer that is too warm since 15:34, noticed at 15:40."""
    usual: dict[str, Any] = {
        "alert_id": UUID(int=7),
        "source": "device-7/temperature",
        "device_id": "device-7",
        "metric": "temperature",
        "kind": "freezer",
        "unit": "°C",
        "labels": ("hall 3", "north"),
        "rule": "rarity",
        "severity": Severity.WARNING,
        "message": "device-7/temperature is 9.4, lately -18.1",
        "state": AlertState.OPEN,
        "opened_at": NOW.replace(hour=15, minute=40),
        "updated_at": NOW.replace(hour=15, minute=50),
        "window_start": NOW.replace(hour=15, minute=34),
        "window_end": NOW.replace(hour=15, minute=39),
        "expected": -18.1234,
        "observed": 9.4,
    }
    return Alert(**(usual | changes))


async def insert(connection: asyncpg.Connection, **changes: Any) -> None:
    """Raise an alert."""
    usual: dict[str, Any] = {
        "source": "device-7/temperature",
        "device_id": "device-7",
        "metric": "temperature",
        "rule": "rarity",
        "severity": Severity.WARNING,
        "message": "",
        "expected": -18.0,
        "observed": 9.4,
    }
    await raise_alert(connection, Anomaly(**(usual | changes)), "test")


async def resolve(connection: asyncpg.Connection) -> None:
    """Resolve every alert."""
    await change(connection, AlertTransition.RESOLVE)


async def change(
    connection: asyncpg.Connection, transition: AlertTransition, snoozed_until: datetime | None = None
) -> None:
    """Let a person do something to every alert that allows it."""
    alert_ids = [row["alert_id"] for row in await connection.fetch("SELECT alert_id FROM alerts")]
    await apply_transition(connection, transition, alert_ids, "ann", None, snoozed_until=snoozed_until)


async def register(connection: asyncpg.Connection) -> None:
    """Register the cold room."""
    await connection.execute(
        "INSERT INTO devices (device_id, name, kind, labels, attributes) "
        "VALUES ('device-7', $1, 'freezer', '{hall 3,north}', $2)",
        COLD_ROOM,
        '{"temperature_unit": "°C"}',
    )
