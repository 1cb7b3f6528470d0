"""PostgreSQL's notifications: whoever follows what is committed listens instead of asking again and again."""

from enum import StrEnum

from apps.storage.connection import Connection


class Channel(StrEnum):
    """A channel of NOTIFY. Its notifications carry nothing: they say that there is something new to read."""

    READINGS = "readings_stored"
    """One notification for each committed batch of readings."""
    ALERTS = "alerts_changed"
    """One notification for each change of alerts."""
    RULES = "rules_changed"
    """One notification for each change of rules."""


async def notify(connection: Connection, channel: Channel) -> None:
    """Wake whoever listens, once the caller's transaction is committed."""
    await connection.execute("SELECT pg_notify($1, '')", channel)
