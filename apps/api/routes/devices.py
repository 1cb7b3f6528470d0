"""Devices: what may send readings."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Header, JsonResponse, Page, Router
from apps.api.permissions import Permission
from apps.api.queries import device_access, devices
from apps.api.queries.device_access import IssuedCredential
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.devices import Device, DeviceId, DevicePatch, DeviceSpec, Kind, Label
from apps.domain.readings import Metric
from apps.domain.signing import MAX_URL_LIFETIME, METHOD, presign
from apps.domain.text import NO_NUL_PATTERN
from apps.domain.time_bounds import retention_start
from apps.platform.errors import ProblemError
from apps.storage.credentials import CredentialOrigin, CredentialRecord
from apps.storage.errors import VersionConflictError

router = Router("Devices", "The registry of what may send readings.")

RESERVED = frozenset({"import"})
"""Ids that would hide a path of the API."""

IfMatch = Annotated[
    Annotated[str, msgspec.Meta(description="The ETag of the device as you know it: 412 when it has changed")] | None,
    Header("if-match"),
]


class DeviceQuery(PageQuery, frozen=True, kw_only=True):
    """Which devices to list."""

    kind: Kind | None = None
    label: Label | None = None
    q: (
        Annotated[
            str, msgspec.Meta(max_length=120, pattern=NO_NUL_PATTERN, description="Text anywhere in the id or the name")
        ]
        | None
    ) = None


class UploadUrlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the URL may be used, in seconds."""

    expires_in: Annotated[float, msgspec.Meta(ge=1, le=MAX_URL_LIFETIME.total_seconds())] = 86_400


class UploadUrl(msgspec.Struct, frozen=True):
    """Where and how the device sends its readings. Whoever holds the URL may write for the device until it expires."""

    url: str
    method: str
    expires_at: datetime
    readings_since: datetime
    """Older readings are refused, as they are no longer kept."""


class RegisteredDevice(Device, frozen=True, kw_only=True):
    """A device that was registered now, and what it proves itself with."""

    credential: IssuedCredential


NOT_KEPT = {"Cache-Control": "no-store"}
"""Headers of an answer that holds a secret."""
NO_DEVICE = {404: "No such device"}
CHANGED = {412: "The device has changed since it was read"}


@router.operation("GET", "/devices", permission=Permission.DEVICES_READ, etag=True)
async def list_devices(context: Context, caller: Caller, query: DeviceQuery) -> Page[Device]:
    """List devices by id."""
    rows = await devices.find(
        context.database,
        kind=query.kind,
        label=query.label,
        text=query.q,
        limit=query.limit + 1,
        after=decode_cursor(query, DeviceId),
        labels=caller.labels,
    )
    return page("devices", query, rows, lambda device: device.device_id)


@router.operation("POST", "/devices", status=201, permission=Permission.DEVICES_WRITE, errors={409: "The id is taken"})
async def create_device(context: Context, caller: Caller, body: DeviceSpec) -> JsonResponse[RegisteredDevice]:
    """Register a device.

    The answer holds its credential, which is shown this once. A device that needs none leaves it: a credential that was
    never used makes room for another.
    """
    if body.device_id in RESERVED:
        raise ProblemError(400, f"the id {body.device_id!r} is reserved: choose another")
    async with context.database.transaction() as connection:
        device = await devices.create(context.database, body)
        if device is None:
            raise ProblemError(409, f"there is a device {body.device_id}: change it with PATCH")
        credential = await device_access.issue(connection, body.device_id, CredentialOrigin(caller.actor))
        await audit.record(context.database, caller, "device.register", body.device_id, after=body)
    registered = RegisteredDevice(**msgspec.structs.asdict(device), credential=credential)
    location = f"/api/devices/{device.device_id}"
    return JsonResponse(registered, {"ETag": _etag(device), "Location": location, **NOT_KEPT})


@router.operation("GET", "/devices/{device_id}", permission=Permission.DEVICES_READ, errors=NO_DEVICE, etag=True)
async def show_device(context: Context, caller: Caller, device_id: DeviceId) -> JsonResponse[Device]:
    """Show a device.

    The part of its ETag before the dot changes with what operators say of it, the rest with what it sends.
    """
    device = await devices.get(context.database, device_id, caller.labels)
    if device is None:
        raise missing_device(device_id)
    return JsonResponse(device, {"ETag": _etag(device)})


@router.operation("PATCH", "/devices/{device_id}", permission=Permission.DEVICES_WRITE, errors=NO_DEVICE | CHANGED)
async def change_device(
    context: Context, caller: Caller, device_id: DeviceId, body: DevicePatch, if_match: IfMatch = None
) -> JsonResponse[Device]:
    """Change a device.

    What is left out stays. With If-Match, only the device as you know it is changed.
    """
    async with context.database.transaction():
        try:
            changed = await devices.change(context.database, device_id, body, _version(if_match))
        except VersionConflictError:
            raise _changed(device_id) from None
        if changed is None:
            raise missing_device(device_id)
        before, after = map(devices.spec_of, changed)
        if before != after:
            await audit.record(context.database, caller, "device.change", device_id, before=before, after=after)
    return JsonResponse(changed.after, {"ETag": _etag(changed.after)})


@router.operation(
    "DELETE", "/devices/{device_id}", status=204, permission=Permission.DEVICES_WRITE, errors=NO_DEVICE | CHANGED
)
async def delete_device(context: Context, caller: Caller, device_id: DeviceId, if_match: IfMatch = None) -> None:
    """Take a device out of the registry.

    Its series leave all lists and live views at once; its readings are kept until their retention ends, and are found
    by its id. Its credentials and upload URLs are revoked, in force at every gateway within a minute.
    """
    async with context.database.transaction():
        try:
            deleted = await devices.delete(context.database, device_id, _version(if_match))
        except VersionConflictError:
            raise _changed(device_id) from None
        if deleted is None:
            raise missing_device(device_id)
        await audit.record(context.database, caller, "device.delete", device_id, before=devices.spec_of(deleted))


@router.operation(
    "DELETE",
    "/devices/{device_id}/metrics/{metric}",
    status=204,
    permission=Permission.DEVICES_WRITE,
    errors={404: "The device has no such metric"},
)
async def forget_metric(context: Context, caller: Caller, device_id: DeviceId, metric: Metric) -> None:
    """Forget a metric that the device no longer sends.

    It leaves all lists and live views and makes room for another; its readings are kept until their retention ends, and
    are found by its name. One that is sent again is there again.
    """
    async with context.database.transaction():
        if not await devices.forget_metric(context.database, device_id, metric):
            raise ProblemError(404, f"the device {device_id} has no metric {metric}")
        await audit.record(context.database, caller, "device.forget-metric", device_id, before={"metric": metric})


@router.operation("POST", "/devices/{device_id}/upload-url", permission=Permission.DEVICES_WRITE, errors=NO_DEVICE)
async def make_upload_url(context: Context, caller: Caller, device_id: DeviceId, body: UploadUrlRequest) -> UploadUrl:
    """Make an upload URL.

    The device PUTs its readings there, as a JSON array, until the URL expires.
    """
    if await devices.get(context.database, device_id) is None:
        raise missing_device(device_id)
    signed = await sign_upload_url(context, device_id, body)
    about = {"expires_at": signed.expires_at}
    await audit.record(context.database, caller, "device.upload-url", device_id, after=about)
    return signed


async def sign_upload_url(
    context: Context, device_id: str, request: UploadUrlRequest, credential: CredentialRecord | None = None
) -> UploadUrl:
    """Return an upload URL that `credential` asks for, or a person; it ends with the credential at the latest."""
    expires_at = (context.now() + timedelta(seconds=request.expires_in)).replace(microsecond=0)
    if credential is not None and credential.expires_at is not None:
        expires_at = min(expires_at, credential.expires_at.replace(microsecond=0))
    path = presign(
        context.signing_keys.read(),
        device_id,
        expires_at,
        await device_access.generation(context.database, device_id),
        None if credential is None else credential.credential_id,
    )
    readings_since = retention_start(context.now(), context.settings.readings_retention_months)
    return UploadUrl(context.settings.public_url + path, METHOD, expires_at, readings_since)


def missing_device(device_id: str) -> ProblemError:
    """Return the refusal of what is asked of a device that is not there."""
    return ProblemError(404, f"there is no device {device_id}: register it with POST /api/devices")


def _etag(device: Device) -> str:
    seen = "" if device.last_seen_at is None else f"{device.last_seen_at.timestamp():.6f}"
    return f'"{devices.version(device)}.{seen}{"a" if device.active else ""}"'


def _version(if_match: str | None) -> str | None:
    return None if if_match in (None, "*") else if_match.strip('"').partition(".")[0]


def _changed(device_id: str) -> ProblemError:
    return ProblemError(412, f"the device {device_id} has changed since you read it: read it again, then decide")
