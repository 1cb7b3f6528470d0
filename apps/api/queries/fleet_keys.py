"""Keys of fleets: by which devices that nobody registered register themselves."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from apps.api.database import Database, Row
from apps.domain.credentials import Credential, CredentialId
from apps.domain.devices import Kind, Label
from apps.storage.connection import Connection


class FleetKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a fleet, without its secret: that was shown once."""

    key_id: CredentialId
    name: str
    kinds: tuple[Kind, ...]
    """What it registers devices as."""
    labels: tuple[Label, ...]
    """What every device gets that it registers."""
    max_devices: int
    registered: int
    """How many it has registered."""
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    live: bool
    """Whether it still registers devices: neither revoked, nor expired, nor used up."""


async def create(
    connection: Connection,
    key: Credential,
    *,
    name: str,
    kinds: Sequence[str],
    labels: Sequence[str],
    max_devices: int,
    created_by: str,
    expires_at: datetime,
) -> FleetKey:
    """Keep a new key and return it."""
    given = (key.credential_id, name, key.digest, list(kinds), list(labels), max_devices, created_by, expires_at)
    await connection.execute(_INSERT, *given)
    (row,) = await connection.fetch(_SELECT + "WHERE key_id = $1", key.credential_id)
    return _key(row)


async def find(database: Database) -> list[FleetKey]:
    """Return every key, the newest first."""
    async with database.connection() as connection:
        return [_key(row) for row in await connection.fetch(_SELECT + "ORDER BY created_at DESC, key_id")]


async def identify(database: Database, key: Credential) -> FleetKey | None:
    """Return the key that this is, and is neither revoked nor expired; None for any other."""
    async with database.connection() as connection:
        row = await connection.fetchrow(_BY_DIGEST, key.credential_id)
    # What is not there takes as long as a wrong secret.
    is_right = key.matches(bytes(32) if row is None else row["digest"]) and row is not None
    return _key(row) if row is not None and is_right and row["holds"] else None


async def take_place(connection: Connection, key_id: str) -> bool:
    """Count one more device of a key, in the caller's transaction; tell whether there was a place for it."""
    return await connection.fetchval(_TAKE_PLACE, key_id) is not None


async def note_use(connection: Connection, key_id: str) -> None:
    """Note that a key was used, and let no other registration by it go on until the caller's transaction ends."""
    await connection.execute("UPDATE fleet_keys SET last_used_at = clock_timestamp() WHERE key_id = $1", key_id)


async def has_registered(connection: Connection, device_id: str) -> bool:
    """Tell whether a device of this id has registered itself before, whatever became of it."""
    found: bool = await connection.fetchval(_HAS_REGISTERED, device_id)
    return found


async def revoke(connection: Connection, key_id: str) -> FleetKey | None:
    """Revoke a key and return it as it was before; None where there is none. Devices that it registered go on."""
    before = await connection.fetchrow(_SELECT + "WHERE key_id = $1 FOR UPDATE", key_id)
    if before is None:
        return None
    await connection.execute(_REVOKE, key_id)
    return _key(before)


def _key(row: Row) -> FleetKey:
    columns = {name: row[name] for name in FleetKey.__struct_fields__}
    return FleetKey(**columns | {"kinds": tuple(columns["kinds"]), "labels": tuple(columns["labels"])})


_HOLDS = "revoked_at IS NULL AND expires_at > clock_timestamp()"

_COLUMNS = f"""
    key_id, name, kinds, labels, max_devices, registered, created_at, created_by, expires_at, revoked_at, last_used_at,
    {_HOLDS} AND registered < max_devices AS live
"""

_SELECT = f"SELECT {_COLUMNS} FROM fleet_keys "  # noqa: S608

_BY_DIGEST = f"SELECT digest, {_HOLDS} AS holds, {_COLUMNS} FROM fleet_keys WHERE key_id = $1"  # noqa: S608

_INSERT = """
INSERT INTO fleet_keys (key_id, name, digest, kinds, labels, max_devices, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_TAKE_PLACE = f"""
UPDATE fleet_keys SET registered = registered + 1 WHERE key_id = $1 AND registered < max_devices AND {_HOLDS}
RETURNING registered
"""  # noqa: S608

_HAS_REGISTERED = """
SELECT EXISTS (SELECT FROM device_credentials WHERE device_id = $1 AND fleet_key_id IS NOT NULL)
"""

_REVOKE = "UPDATE fleet_keys SET revoked_at = clock_timestamp() WHERE key_id = $1 AND revoked_at IS NULL"
