"""Keys of fleets, and what a device does with one: register itself, once."""

import os
from datetime import timedelta
from typing import Annotated

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.device_access import FleetCaller
from apps.api.operation import JsonResponse, Router
from apps.api.permissions import Permission
from apps.api.queries import claims, device_access, devices, fleet_keys
from apps.api.queries.fleet_keys import FleetKey
from apps.api.rates import Rate
from apps.api.routes.devices import NOT_KEPT, RESERVED, RegisteredDevice
from apps.domain.claim_codes import ClaimCode
from apps.domain.credentials import Credential, CredentialId, CredentialKind
from apps.domain.devices import Attribute, AttributeName, DeviceId, DeviceSpec, Kind, Label, Name
from apps.platform.errors import ProblemError
from apps.storage import credentials
from apps.storage.connection import Connection
from apps.storage.credentials import CredentialOrigin

router = Router("Provisioning", "Devices that nobody registered register themselves, by the key of their fleet.")

MAX_LIFETIME = timedelta(days=3660)

FLEET_RATE = Rate(burst=600, per_minute=600)
"""Of one key: a whole fleet may be switched on at once."""
DEVICE_REGISTRATION_RATE = Rate(burst=10, per_minute=5)
"""Of one device by one key: it asks again where an answer was lost."""


class FleetKeySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make: which devices it registers, how many, and for how many seconds."""

    name: Name
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1, max_length=32)]
    """A device registers as one of these."""
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = ()
    """Every device gets these and no others."""
    max_devices: Annotated[float, msgspec.Meta(ge=1, le=1_000_000, multiple_of=1)]
    expires_in: Annotated[float, msgspec.Meta(ge=60, le=MAX_LIFETIME.total_seconds())]


class MadeFleetKey(msgspec.Struct, frozen=True):
    """A key that was just made. Its text is shown this once; only a hash of it is kept."""

    key: str
    about: FleetKey


class FleetKeys(msgspec.Struct, frozen=True):
    """All keys, the newest first."""

    items: list[FleetKey]


class SelfRegistration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device says of itself. `claim_code`: what stands on its label, so that a person can bind it."""

    device_id: DeviceId
    kind: Kind
    name: Name | None = None
    attributes: Annotated[dict[AttributeName, Attribute], msgspec.Meta(max_length=64)] = {}
    claim_code: ClaimCode | None = None


@router.operation("GET", "/fleet-keys", permission=Permission.DEVICES_WRITE)
async def list_fleet_keys(context: Context) -> FleetKeys:
    """List the keys of fleets, the newest first, also those that register nothing any more."""
    return FleetKeys(await fleet_keys.find(context.database))


@router.operation("POST", "/fleet-keys", status=201, permission=Permission.DEVICES_WRITE)
async def make_fleet_key(context: Context, caller: Caller, body: FleetKeySpec) -> JsonResponse[MadeFleetKey]:
    """Make the key of a fleet.

    It is shown this once. Whoever holds it registers devices of these kinds, with these labels, and reads nothing.
    """
    key = Credential.make(CredentialKind.FLEET, os.urandom)
    async with context.database.transaction() as connection:
        fleet_key = await fleet_keys.create(
            connection,
            key,
            name=body.name,
            kinds=body.kinds,
            labels=body.labels,
            max_devices=int(body.max_devices),
            created_by=caller.actor,
            expires_at=context.now() + timedelta(seconds=body.expires_in),
        )
        await audit.record(context.database, caller, "fleet-key.make", fleet_key.key_id, after=fleet_key)
    return JsonResponse(MadeFleetKey(key.text, fleet_key), NOT_KEPT)


@router.operation(
    "DELETE", "/fleet-keys/{key_id}", status=204, permission=Permission.DEVICES_WRITE, errors={404: "No such key"}
)
async def revoke_fleet_key(context: Context, caller: Caller, key_id: CredentialId) -> None:
    """Revoke the key of a fleet.

    It registers nothing from now on. Devices that it registered go on: they have credentials of their own.
    """
    async with context.database.transaction() as connection:
        before = await fleet_keys.revoke(connection, key_id)
        if before is None:
            raise ProblemError(404, f"there is no key of a fleet {key_id}: list them with GET /api/fleet-keys")
        if before.revoked_at is None:
            await audit.record(context.database, caller, "fleet-key.revoke", key_id, before=before)


@router.operation(
    "POST",
    "/provision",
    status=201,
    permission=Permission.FLEET_REGISTER,
    rate=FLEET_RATE,
    errors={400: "The id is reserved", 403: "The key registers no such device, or no more of them", 409: "Registered"},
)
async def provision(context: Context, body: SelfRegistration, caller: FleetCaller) -> JsonResponse[RegisteredDevice]:
    """Register the device that asks, with the key of its fleet: `Authorization: Bearer saf_...`.

    A device registers itself once; the answer holds its own credential. If the answer was lost, ask again: as long as
    that credential was never used, another takes its place.
    """
    key = caller.key
    context.rates.count("provision", f"{key.key_id} for {body.device_id}", DEVICE_REGISTRATION_RATE)
    if body.device_id in RESERVED:
        raise ProblemError(400, f"the id {body.device_id!r} is reserved: choose another")
    if body.kind not in key.kinds:
        raise ProblemError(403, f"this key registers devices of the kind {' or '.join(key.kinds)}, not {body.kind}")
    spec = DeviceSpec(
        device_id=body.device_id, kind=body.kind, name=body.name, labels=key.labels, attributes=body.attributes
    )
    async with context.database.transaction() as connection:
        await fleet_keys.note_use(connection, key.key_id)
        again = await _lost_its_answer(connection, key, body.device_id)
        if not again:
            await _register(context, connection, caller, spec)
        if body.claim_code is not None:
            await claims.keep_code(connection, body.device_id, body.claim_code)
        origin = CredentialOrigin(caller.actor, fleet_key_id=key.key_id)
        credential = await device_access.issue(connection, body.device_id, origin, revoke_others=again)
        device = await devices.get(context.database, body.device_id)
    if device is None:
        raise ProblemError(409, f"the device {body.device_id} was deleted meanwhile")
    return JsonResponse(RegisteredDevice(**msgspec.structs.asdict(device), credential=credential), NOT_KEPT)


async def _register(context: Context, connection: Connection, caller: FleetCaller, spec: DeviceSpec) -> None:
    if await fleet_keys.has_registered(connection, spec.device_id):
        raise ProblemError(409, f"{spec.device_id} has registered itself before: an operator may register it again")
    if await devices.create(context.database, spec) is None:
        raise ProblemError(409, f"there is a device {spec.device_id}: an operator may give it a credential")
    if not await fleet_keys.take_place(connection, caller.key.key_id):
        raise ProblemError(403, f"this key has registered its {caller.key.max_devices} devices, or holds no more")
    await audit.record(context.database, caller, "device.register", spec.device_id, after=spec)


async def _lost_its_answer(connection: Connection, key: FleetKey, device_id: str) -> bool:
    """Tell whether the device has registered itself by this key, and cannot have got its credential."""
    live = [credential for credential in await credentials.of_device(connection, device_id) if credential.is_live]
    return bool(live) and all(
        credential.fleet_key_id == key.key_id and credential.first_used_at is None for credential in live
    )
