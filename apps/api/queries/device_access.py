"""What devices prove themselves with, and what fleets register themselves by."""

import os
from datetime import datetime, timedelta

import msgspec

from apps.api.database import Database
from apps.domain.credentials import Credential, CredentialId, CredentialKind
from apps.storage import credentials
from apps.storage.connection import Connection
from apps.storage.credentials import CredentialOrigin, CredentialRecord

USE_PRECISION = timedelta(minutes=1)
"""How exactly the last use is known."""


class DeviceCredential(msgspec.Struct, frozen=True):
    """A credential of a device, without its secret: that was shown once."""

    credential_id: CredentialId
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    first_used_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    live: bool
    """Whether it holds: it was neither revoked nor has it expired."""


class IssuedCredential(msgspec.Struct, frozen=True):
    """A new credential of a device. It is shown this once; only a hash of it is kept."""

    credential_id: CredentialId
    credential: str
    """What the device keeps, and sends as `Authorization: Bearer`."""
    expires_at: datetime | None


async def issue(
    connection: Connection,
    device_id: str,
    origin: CredentialOrigin,
    expires_at: datetime | None = None,
    *,
    revoke_others: bool = False,
) -> IssuedCredential:
    """Make a credential in the caller's transaction. Raises CredentialsInUseError where a device has two in use."""
    credential = Credential.make(CredentialKind.DEVICE, os.urandom)
    await credentials.issue(connection, device_id, credential, origin, expires_at, revoke_others=revoke_others)
    return IssuedCredential(credential.credential_id, credential.text, expires_at)


async def identify(database: Database, credential: Credential, now: datetime) -> CredentialRecord | None:
    """Return the credential that this is, of a device that is registered, and note its use; None for any other."""
    async with database.connection() as connection:
        found = await credentials.find(connection, credential)
        if found is not None and (found.last_used_at is None or now - found.last_used_at > USE_PRECISION):
            await credentials.record_uses(connection, {found.credential_id: now})
    return found


async def of_device(database: Database, device_id: str) -> list[DeviceCredential]:
    """Return every credential of a device that is remembered, the oldest first."""
    async with database.connection() as connection:
        records = await credentials.of_device(connection, device_id)
    return [described(record) for record in records]


def described(record: CredentialRecord) -> DeviceCredential:
    """Return a credential as it is shown."""
    return DeviceCredential(
        record.credential_id,
        record.created_at,
        record.created_by,
        record.expires_at,
        record.revoked_at,
        record.first_used_at,
        record.last_used_at,
        record.is_live,
    )


async def revoke(database: Database, device_id: str, credential_id: str) -> bool | None:
    """Revoke a credential and the URLs that it asked for.

    Tells whether it was revoked by this, not before; None where the device has no such credential.
    """
    async with database.connection() as connection:
        return await credentials.revoke(connection, device_id, credential_id)


async def void_urls(database: Database, device_id: str) -> int:
    """Revoke every upload URL of a device that was signed until now and return the new generation."""
    async with database.connection() as connection:
        return await credentials.void_urls(connection, device_id)


async def generation(database: Database, device_id: str) -> int:
    """Return the generation that URLs of a device are signed in now."""
    async with database.connection() as connection:
        return await credentials.generation(connection, device_id)
