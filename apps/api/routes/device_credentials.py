"""Credentials of devices as operators see them: made, listed, revoked."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import JsonResponse, Router
from apps.api.permissions import Permission
from apps.api.queries import device_access, devices
from apps.api.queries.device_access import DeviceCredential, IssuedCredential
from apps.api.routes.devices import NO_DEVICE, NOT_KEPT, missing_device
from apps.domain.credentials import REVOCATION_TIME, CredentialId
from apps.domain.devices import DeviceId
from apps.platform.errors import ProblemError
from apps.storage.credentials import CredentialOrigin
from apps.storage.errors import CredentialsInUseError

router = Router(
    "Credentials",
    "What devices prove themselves with. A device may have two at a time, so that one can "
    "take the place of the other while it sends.",
)

MAX_LIFETIME = timedelta(days=3660)


class CredentialRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the credential shall hold, in seconds (null: until it is revoked), and whether all others end now."""

    expires_in: Annotated[float, msgspec.Meta(ge=60, le=MAX_LIFETIME.total_seconds())] | None = None
    revoke_others: bool = False


class DeviceCredentials(msgspec.Struct, frozen=True):
    """The credentials of a device, the oldest first."""

    items: list[DeviceCredential]


class Revocation(msgspec.Struct, frozen=True):
    """When the revocation is in force at every gateway, at the latest."""

    in_force_at: datetime


@router.operation("GET", "/devices/{device_id}/credentials", permission=Permission.DEVICES_WRITE, errors=NO_DEVICE)
async def list_credentials(context: Context, device_id: DeviceId) -> DeviceCredentials:
    """List a device's credentials.

    Those that ended stay in the list for a month.
    """
    found = await device_access.of_device(context.database, device_id)
    if not found and await devices.get(context.database, device_id) is None:
        raise missing_device(device_id)
    return DeviceCredentials(found)


@router.operation(
    "POST",
    "/devices/{device_id}/credentials",
    status=201,
    permission=Permission.DEVICES_WRITE,
    errors=NO_DEVICE | {409: "Two credentials of the device are in use"},
)
async def create_credential(
    context: Context, device_id: DeviceId, body: CredentialRequest, caller: Caller
) -> JsonResponse[IssuedCredential]:
    """Make a credential.

    It is shown this once. A device may have two that hold; in place of a third, one that was never used is revoked.
    """
    expires_at = None if body.expires_in is None else context.now() + timedelta(seconds=body.expires_in)
    origin = CredentialOrigin(caller.actor)
    async with context.database.transaction() as connection:
        if await devices.get(context.database, device_id) is None:
            raise missing_device(device_id)
        try:
            credential = await device_access.issue(
                connection, device_id, origin, expires_at, revoke_others=body.revoke_others
            )
        except CredentialsInUseError as error:
            raise ProblemError(409, str(error)) from None
        await record_credential(context, caller, "make", device_id, credential.credential_id)
    return JsonResponse(credential, NOT_KEPT)


@router.operation(
    "DELETE",
    "/devices/{device_id}/credentials/{credential_id}",
    permission=Permission.DEVICES_WRITE,
    errors={404: "The device has no such credential"},
)
async def revoke_credential(
    context: Context, caller: Caller, device_id: DeviceId, credential_id: CredentialId
) -> Revocation:
    """Revoke a credential, and the upload URLs that it asked for.

    Other credentials of the device, and all other devices, go on.
    """
    return await revoke(context, caller, device_id, credential_id)


@router.operation("DELETE", "/devices/{device_id}/upload-urls", permission=Permission.DEVICES_WRITE, errors=NO_DEVICE)
async def revoke_upload_urls(context: Context, caller: Caller, device_id: DeviceId) -> Revocation:
    """Revoke every upload URL of a device.

    All that were signed until now are void, whoever asked for them. A device that has a credential asks for another.
    """
    if await devices.get(context.database, device_id) is None:
        raise missing_device(device_id)
    async with context.database.transaction():
        generation = await device_access.void_urls(context.database, device_id)
        about = {"generation": generation}
        await audit.record(context.database, caller, "device.revoke-urls", device_id, after=about)
    return Revocation(context.now() + REVOCATION_TIME)


async def revoke(context: Context, caller: Caller, device_id: str, credential_id: str) -> Revocation:
    """Revoke a credential of a device. Raises ProblemError 404 when it has no such credential."""
    async with context.database.transaction():
        is_new = await device_access.revoke(context.database, device_id, credential_id)
        if is_new is None:
            raise ProblemError(404, f"the device {device_id} has no credential {credential_id}")
        if is_new:
            await record_credential(context, caller, "revoke", device_id, credential_id)
    return Revocation(context.now() + REVOCATION_TIME)


async def record_credential(context: Context, caller: Caller, verb: str, device_id: str, credential_id: str) -> None:
    """Record what was done to a credential. Its id is no secret."""
    about = {"credential_id": credential_id}
    await audit.record(context.database, caller, f"device.{verb}-credential", device_id, after=about)
