"""Which devices have a code on their label, and who bound each with it."""

from datetime import datetime

import msgspec

from apps.domain.claim_codes import MAX_FAILURES, code_digest, is_code
from apps.domain.devices import DeviceId
from apps.storage.connection import Connection


class Claim(msgspec.Struct, frozen=True):
    """Who bound a device, and since when; null: nobody yet."""

    device_id: DeviceId
    claimed_by: str | None
    claimed_at: datetime | None
    failures: int
    """Wrong codes since the code was made. After ten a new one must be made."""


async def get(connection: Connection, device_id: str) -> Claim | None:
    """Return a device's claim; None for a device without a code."""
    row = await connection.fetchrow(_SELECT, device_id)
    return None if row is None else Claim(*row)


async def keep_code(connection: Connection, device_id: str, code: str) -> None:
    """Let a device be claimed by this code alone, from now on, by anybody."""
    await connection.execute(_UPSERT, device_id, code_digest(device_id, code))


async def check(connection: Connection, device_id: str, code: str) -> bool:
    """Tell whether this is the device's code; count it where it is not. None holds after `MAX_FAILURES`."""
    digest = await connection.fetchval(_LOCK, device_id, MAX_FAILURES)
    is_right = is_code(device_id, code, bytes(32) if digest is None else digest) and digest is not None
    if not is_right:
        await connection.execute(_COUNT, device_id)
    return is_right


async def bind(connection: Connection, device_id: str, person: str) -> Claim:
    """Bind a device to a person who showed its code."""
    (row,) = await connection.fetch(_BIND, device_id, person)
    return Claim(*row)


async def release(connection: Connection, device_id: str) -> bool:
    """Let a device be claimed again; tell whether it has a code."""
    return await connection.fetchval(_RELEASE, device_id) is not None


_COLUMNS = "device_id, claimed_by, claimed_at, failures"

_SELECT = f"SELECT {_COLUMNS} FROM device_claims WHERE device_id = $1"  # noqa: S608

_UPSERT = """
INSERT INTO device_claims (device_id, digest) VALUES ($1, $2)
ON CONFLICT (device_id) DO UPDATE SET
    digest = excluded.digest, created_at = clock_timestamp(), failures = 0, claimed_at = NULL, claimed_by = NULL
"""

_LOCK = "SELECT digest FROM device_claims WHERE device_id = $1 AND failures < $2 FOR UPDATE"

_COUNT = "UPDATE device_claims SET failures = failures + 1 WHERE device_id = $1"

_BIND = f"""
UPDATE device_claims SET claimed_by = $2, claimed_at = clock_timestamp() WHERE device_id = $1 RETURNING {_COLUMNS}
"""  # noqa: S608

_RELEASE = """
UPDATE device_claims SET claimed_by = NULL, claimed_at = NULL WHERE device_id = $1 RETURNING device_id
"""
