"""What must go of credentials by itself: the old one of two, and what nobody needs to remember any more."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from apps.storage.credentials import URL_MEMORY

OVERLAP = timedelta(days=1)
"""How long an old credential holds after the one that takes its place was first used."""

HISTORY = timedelta(days=30)
"""How long a credential that ended is listed. One of a fleet's key is, for as long as there is the key: by it the
device has registered itself, which it may do once."""


def end_replaced(connection: sa.Connection, now: datetime) -> int:
    """End credentials whose successor has been in use for `OVERLAP`, and return how many they were."""
    replaced = connection.execute(sa.text(_REPLACED), {"before": now - OVERLAP, "now": now}).scalars().all()
    if replaced:
        version = connection.scalar(sa.text("UPDATE credential_changes SET version = version + 1 RETURNING version"))
        connection.execute(sa.text(_END), {"ids": list(replaced), "now": now, "version": version})
    return len(replaced)


def forget_ended(connection: sa.Connection, now: datetime) -> int:
    """Forget credentials that ended long ago, and revocations of URLs that have all expired; return how many."""
    ended = connection.execute(sa.text(_FORGET), {"before": now - HISTORY}).rowcount
    connection.execute(sa.text(_FORGET_USES))
    return ended + connection.execute(sa.text(_FORGET_GENERATIONS), {"before": now - URL_MEMORY}).rowcount


_REPLACED = """
SELECT old.credential_id FROM device_credentials AS old
JOIN device_credentials AS new ON new.replaces = old.credential_id AND new.revoked_at IS NULL
JOIN credential_uses AS used ON used.credential_id = new.credential_id
WHERE used.first_used_at < :before AND old.revoked_at IS NULL AND (old.expires_at IS NULL OR old.expires_at > :now)
"""

_END = "UPDATE device_credentials SET expires_at = :now, version = :version WHERE credential_id = ANY(:ids)"

_FORGET = """
DELETE FROM device_credentials AS ended WHERE least(revoked_at, expires_at) < :before
AND NOT EXISTS (SELECT FROM fleet_keys WHERE key_id = ended.fleet_key_id)
"""

_FORGET_USES = """
DELETE FROM credential_uses AS used
WHERE NOT EXISTS (SELECT FROM device_credentials AS known WHERE known.credential_id = used.credential_id)
"""

# A device that is registered keeps its generation: set back, it would void fewer URLs than it did before.
_FORGET_GENERATIONS = """
DELETE FROM upload_generations AS void WHERE raised_at < :before
AND NOT EXISTS (SELECT FROM devices WHERE devices.device_id = void.device_id)
"""
