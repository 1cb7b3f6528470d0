"""Credentials of devices and the generations of their upload URLs: the one place that writes them.

Whoever follows the changes (`changes`) reads by version. Each change raises the version of `credential_changes` before
it writes, which makes one wait for the other: versions become visible in their order.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from apps.domain.credentials import MAX_LIVE_CREDENTIALS, Credential
from apps.domain.signing import MAX_URL_LIFETIME
from apps.storage.connection import Connection
from apps.storage.errors import CredentialsInUseError

URL_MEMORY = MAX_URL_LIFETIME + timedelta(days=1)
"""How long what is void must be known: longer than any URL that was signed before it."""


class CredentialOrigin(NamedTuple):
    """Who had a credential made, by which key of a fleet, and which credential it takes the place of."""

    created_by: str
    fleet_key_id: str | None = None
    replaces: str | None = None


class CredentialRecord(NamedTuple):
    """A credential as it is kept, but for its digest."""

    credential_id: str
    device_id: str
    created_at: datetime
    created_by: str
    fleet_key_id: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    first_used_at: datetime | None
    last_used_at: datetime | None
    is_live: bool


class ChangedCredential(NamedTuple):
    """What whoever checks credentials must know of one."""

    credential_id: str
    device_id: str
    digest: bytes
    expires_at: datetime | None
    is_revoked: bool


class Changes(NamedTuple):
    """What changed since an earlier version, or all that holds at this one."""

    version: int
    is_everything: bool
    credentials: Collection[ChangedCredential]
    generations: Mapping[str, int]
    """By device."""


async def issue(
    connection: Connection,
    device_id: str,
    credential: Credential,
    origin: CredentialOrigin,
    expires_at: datetime | None = None,
    *,
    revoke_others: bool = False,
) -> None:
    """Keep a new credential of a device, which may have two that are live.

    In place of a third, one that was never used is revoked: its holder never got it. Raises CredentialsInUseError where
    there is none, and where one that is older than another in use asks for its own replacement.
    """
    async with connection.transaction():
        version = await _raise_version(connection)
        live = [candidate for candidate in await of_device(connection, device_id) if candidate.is_live]
        void = live if revoke_others else _replaced(live, origin.replaces)
        await connection.execute(_REVOKE, [candidate.credential_id for candidate in void], version)
        await connection.execute(
            _INSERT,
            credential.credential_id,
            device_id,
            credential.digest,
            origin.created_by,
            origin.fleet_key_id,
            origin.replaces,
            expires_at,
            version,
        )


def _replaced(live: Collection[CredentialRecord], replaces: str | None) -> list[CredentialRecord]:
    """Return which of the live credentials end when another one comes."""
    if replaces is None:
        unused = [credential for credential in live if credential.first_used_at is None]
        if len(live) < MAX_LIVE_CREDENTIALS:
            return []
        if not unused:
            raise CredentialsInUseError(f"{MAX_LIVE_CREDENTIALS} credentials of the device are in use: revoke one")
        return unused[:1]
    # The device may not have got what it was sent before: what replaces its credential and was never used goes.
    (own,) = (credential for credential in live if credential.credential_id == replaces)
    others = [credential for credential in live if credential is not own]
    if any(credential.first_used_at is not None and credential.created_at > own.created_at for credential in others):
        raise CredentialsInUseError("a newer credential of the device is in use: ask with that one")
    return others


async def of_device(connection: Connection, device_id: str) -> list[CredentialRecord]:
    """Return every credential of a device that is remembered, the oldest first."""
    return [CredentialRecord(*row) for row in await connection.fetch(_OF_DEVICE, device_id)]


async def find(connection: Connection, credential: Credential) -> CredentialRecord | None:
    """Return the live credential that this is; None for any other text."""
    row = await connection.fetchrow(_FIND, credential.credential_id)
    # What is not there takes as long as a wrong secret.
    known = credential.matches(bytes(32) if row is None else row["digest"]) and row is not None
    return CredentialRecord(*list(row)[1:]) if row is not None and known and row["is_live"] else None


async def revoke(connection: Connection, device_id: str, credential_id: str) -> bool | None:
    """Revoke a credential of a device, with the URLs that it asked for.

    Tells whether it was revoked by this, not before; None where the device has no such credential.
    """
    async with connection.transaction():
        version = await _raise_version(connection)
        if not await connection.fetchval(_EXISTS, device_id, credential_id):
            return None
        return await connection.execute(_REVOKE, [credential_id], version) == "UPDATE 1"


async def void_urls(connection: Connection, device_id: str) -> int:
    """Revoke every upload URL of a device that was signed until now and return the new generation."""
    async with connection.transaction():
        version = await _raise_version(connection)
        generation: int = await connection.fetchval(_RAISE_GENERATION, device_id, version)
        return generation


async def revoke_device(connection: Connection, device_id: str) -> None:
    """Revoke all that a device holds: its credentials and its URLs."""
    async with connection.transaction():
        version = await _raise_version(connection)
        await connection.execute(_REVOKE_ALL, device_id, version)
        await connection.fetchval(_RAISE_GENERATION, device_id, version)


async def generation(connection: Connection, device_id: str) -> int:
    """Return the generation that URLs of a device are signed in now."""
    found: int | None = await connection.fetchval(_GENERATION, device_id)
    return found or 0


async def record_uses(connection: Connection, uses: Mapping[str, datetime]) -> None:
    """Note when credentials were used. In one order, so that two who note wait for each other and never in a circle."""
    ordered = sorted(uses.items())
    ids, times = [credential_id for credential_id, _ in ordered], [at for _, at in ordered]
    await connection.execute(_RECORD_USES, ids, times)


async def changes(connection: Connection, known: int | None) -> Changes | None:
    """Return what changed since version `known`, or all of it for None; None when nothing did.

    All of it too where the database is at an earlier version, as after it was restored.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        version: int = await connection.fetchval("SELECT version FROM credential_changes")
        if version == known:
            return None
        if known is None or version < known:
            credentials = await connection.fetch(_ALL, URL_MEMORY)
            generations = await connection.fetch("SELECT device_id, generation FROM upload_generations")
        else:
            credentials = await connection.fetch(_CHANGED, known)
            generations = await connection.fetch(_CHANGED_GENERATIONS, known)
        return Changes(
            version,
            known is None or version < known,
            [ChangedCredential(*row) for row in credentials],
            {row["device_id"]: row["generation"] for row in generations},
        )


async def _raise_version(connection: Connection) -> int:
    version: int = await connection.fetchval("UPDATE credential_changes SET version = version + 1 RETURNING version")
    return version


_IS_LIVE = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())"

_RECORD = f"""
    credential_id, device_id, created_at, created_by, fleet_key_id, expires_at, revoked_at, first_used_at, last_used_at,
    {_IS_LIVE} AS is_live
    FROM device_credentials LEFT JOIN credential_uses USING (credential_id)
"""

_OF_DEVICE = f"SELECT {_RECORD} WHERE device_id = $1 ORDER BY created_at, credential_id"

_FIND = f"SELECT digest, {_RECORD} WHERE credential_id = $1"

_EXISTS = "SELECT EXISTS (SELECT FROM device_credentials WHERE device_id = $1 AND credential_id = $2)"

_INSERT = """
INSERT INTO device_credentials
    (credential_id, device_id, digest, created_by, fleet_key_id, replaces, expires_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_REVOKE = """
UPDATE device_credentials SET revoked_at = clock_timestamp(), version = $2
WHERE credential_id = ANY($1::text[]) AND revoked_at IS NULL
"""

_REVOKE_ALL = """
UPDATE device_credentials SET revoked_at = clock_timestamp(), version = $2 WHERE device_id = $1 AND revoked_at IS NULL
"""

_RAISE_GENERATION = """
INSERT INTO upload_generations AS known (device_id, generation, version) VALUES ($1, 1, $2)
ON CONFLICT (device_id) DO UPDATE
SET generation = known.generation + 1, raised_at = clock_timestamp(), version = excluded.version
RETURNING generation
"""

_GENERATION = "SELECT generation FROM upload_generations WHERE device_id = $1"

# Not more often than a minute: a device may use its credential all the time.
_RECORD_USES = """
INSERT INTO credential_uses AS known (credential_id, first_used_at, last_used_at)
SELECT credential_id, at, at FROM unnest($1::text[], $2::timestamptz[]) AS used (credential_id, at)
ON CONFLICT (credential_id) DO UPDATE SET last_used_at = excluded.last_used_at
WHERE known.last_used_at < excluded.last_used_at - interval '1 minute'
"""

_CHANGED_COLUMNS = "credential_id, device_id, digest, expires_at, revoked_at IS NOT NULL FROM device_credentials"

_CHANGED = f"SELECT {_CHANGED_COLUMNS} WHERE version > $1"

_CHANGED_GENERATIONS = "SELECT device_id, generation FROM upload_generations WHERE version > $1"

_ALL = f"SELECT {_CHANGED_COLUMNS} WHERE {_IS_LIVE} OR revoked_at > clock_timestamp() - $1::interval"
