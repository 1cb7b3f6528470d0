"""What a device does about itself, with its credential: upload URLs, and a new credential before the old one ends."""

from datetime import datetime, timedelta

import msgspec

from apps.api.context import Context
from apps.api.device_access import DeviceCaller
from apps.api.operation import JsonResponse, Router
from apps.api.permissions import Permission
from apps.api.queries import device_access, devices
from apps.api.queries.device_access import DeviceCredential, IssuedCredential
from apps.api.rates import Rate
from apps.api.routes.device_credentials import CredentialRequest, Revocation, record_credential, revoke
from apps.api.routes.devices import NOT_KEPT, UploadUrl, UploadUrlRequest, sign_upload_url
from apps.domain.credentials import CredentialId
from apps.domain.devices import Device
from apps.platform.errors import ProblemError
from apps.storage.credentials import CredentialOrigin
from apps.storage.errors import CredentialsInUseError

router = Router("A device itself", "With its credential: `Authorization: Bearer sad_...`. Nobody else may do this.")

DEVICE_RATE = Rate(burst=30, per_minute=30)
"""Of one device, for each of these. What it does in earnest it does a few times a day."""

GONE = {403: "The device is not registered any more"}


class OwnState(msgspec.Struct, frozen=True):
    """What the platform knows of the device that asks, and the platform's time."""

    device: Device
    credential: DeviceCredential
    """The one that it asked with."""
    now: datetime


@router.operation("GET", "/device", permission=Permission.DEVICE_SELF, errors=GONE, rate=DEVICE_RATE)
async def show_own_state(context: Context, caller: DeviceCaller) -> OwnState:
    """Show the device and its credential."""
    return OwnState(await _registered(context, caller), device_access.described(caller.credential), context.now())


@router.operation("POST", "/device/upload-url", permission=Permission.DEVICE_SELF, errors=GONE, rate=DEVICE_RATE)
async def make_own_upload_url(context: Context, body: UploadUrlRequest, caller: DeviceCaller) -> UploadUrl:
    """Make an upload URL.

    It ends with the credential at the latest, and is void when that is revoked. Ask for the next one when half of its
    time is over: then an outage of hours goes unnoticed.
    """
    await _registered(context, caller)
    return await sign_upload_url(context, caller.device_id, body, caller.credential)


@router.operation(
    "POST",
    "/device/credential",
    status=201,
    permission=Permission.DEVICE_SELF,
    rate=DEVICE_RATE,
    errors=GONE | {409: "A newer credential of the device is in use"},
)
async def replace_own_credential(
    context: Context, body: CredentialRequest, caller: DeviceCaller
) -> JsonResponse[IssuedCredential]:
    """Make the credential that takes the place of the one that asks.

    Both hold: store the new one, use it, then revoke the old one. If the answer was lost, ask again with the old one:
    the new one that never arrived is revoked. A day after the new one was first used the old one ends by itself.
    """
    await _registered(context, caller)
    expires_at = None if body.expires_in is None else context.now() + timedelta(seconds=body.expires_in)
    origin = CredentialOrigin(f"device {caller.device_id}", replaces=caller.credential.credential_id)
    try:
        async with context.database.transaction() as connection:
            credential = await device_access.issue(
                connection, caller.device_id, origin, expires_at, revoke_others=body.revoke_others
            )
            await record_credential(context, caller, "make", caller.device_id, credential.credential_id)
    except CredentialsInUseError as error:
        raise ProblemError(409, str(error)) from None
    return JsonResponse(credential, NOT_KEPT)


@router.operation(
    "DELETE",
    "/device/credentials/{credential_id}",
    permission=Permission.DEVICE_SELF,
    rate=DEVICE_RATE,
    errors={404: "The device has no such credential"},
)
async def revoke_own_credential(context: Context, credential_id: CredentialId, caller: DeviceCaller) -> Revocation:
    """Revoke a credential of the device that asks: the old one, once the new one is in use."""
    return await revoke(context, caller, caller.device_id, credential_id)


async def _registered(context: Context, caller: DeviceCaller) -> Device:
    device = await devices.get(context.database, caller.device_id)
    if device is None:
        raise ProblemError(403, f"there is no device {caller.device_id} any more: ask an operator to register it")
    return device
