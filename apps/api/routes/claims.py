"""Claiming: a person binds a device by its id and the code on its label."""

import os

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import JsonResponse, Router
from apps.api.permissions import Permission
from apps.api.queries import claims, devices
from apps.api.queries.claims import Claim
from apps.api.rates import Rate
from apps.api.routes.devices import NO_DEVICE, NOT_KEPT, missing_device
from apps.domain.claim_codes import ClaimCode, make_code
from apps.domain.devices import DeviceId
from apps.platform.errors import ProblemError

router = Router("Claims", "Who holds a device: whoever knows the code on its label binds it.")

CLAIM_RATE = Rate(burst=20, per_minute=10)
"""Of one person, over all devices."""

NO_CODE = {404: "No such device, or it has no code"}


class ClaimRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code on the device's label, however it is typed."""

    code: ClaimCode


class LabelCode(msgspec.Struct, frozen=True):
    """A code to print on the device's label. It is shown this once; only a hash of it is kept."""

    code: str


@router.operation("GET", "/devices/{device_id}/claim", permission=Permission.DEVICES_CLAIM, errors=NO_CODE)
async def show_claim(context: Context, caller: Caller, device_id: DeviceId) -> Claim:
    """Show who bound the device.

    Whoever may not change devices is told of those that they bound themselves.
    """
    async with context.database.connection() as connection:
        claim = await claims.get(connection, device_id)
    if claim is None or not _is_theirs(caller, claim):
        raise _no_code(device_id)
    return claim


@router.operation(
    "POST", "/devices/{device_id}/claim-code", status=201, permission=Permission.DEVICES_WRITE, errors=NO_DEVICE
)
async def make_claim_code(context: Context, caller: Caller, device_id: DeviceId) -> JsonResponse[LabelCode]:
    """Make the code of the device's label.

    It takes the place of the one before, and of who bound the device by it.
    """
    code = make_code(os.urandom)
    async with context.database.transaction() as connection:
        if await devices.get(context.database, device_id) is None:
            raise missing_device(device_id)
        await claims.keep_code(connection, device_id, code)
        await audit.record(context.database, caller, "device.make-claim-code", device_id)
    return JsonResponse(LabelCode(code), NOT_KEPT)


@router.operation(
    "POST",
    "/devices/{device_id}/claim",
    permission=Permission.DEVICES_CLAIM,
    rate=CLAIM_RATE,
    errors={403: "Not the device's code, or no attempt is left", 409: "Somebody else has bound it"},
)
async def claim_device(context: Context, caller: Caller, device_id: DeviceId, body: ClaimRequest) -> Claim:
    """Bind the device to whoever asks.

    Everybody who is known may: what shows that they hold the device is its code. It gives them no further right.
    Ten wrong codes are counted; then the device takes none until a new one is made. Whether there is such a device is
    not told to anybody who does not know its code.
    """
    async with context.database.transaction() as connection:
        is_right = await claims.check(connection, device_id, body.code)
    if not is_right:
        raise ProblemError(403, f"this is not the code of {device_id}, or ten wrong ones were tried: ask for a new one")
    async with context.database.transaction() as connection:
        before = await claims.get(connection, device_id)
        if before is not None and before.claimed_by not in {None, caller.actor}:
            raise ProblemError(409, f"the device {device_id} is bound already: let it be released first")
        claim = await claims.bind(connection, device_id, caller.actor)
        await audit.record(context.database, caller, "device.claim", device_id, before=before, after=claim)
    return claim


@router.operation(
    "DELETE", "/devices/{device_id}/claim", status=204, permission=Permission.DEVICES_CLAIM, errors=NO_CODE
)
async def release_device(context: Context, caller: Caller, device_id: DeviceId) -> None:
    """Release the device: it can be bound again by the same code.

    Whoever may not change devices releases those that they bound themselves.
    """
    async with context.database.transaction() as connection:
        before = await claims.get(connection, device_id)
        if before is None or not _is_theirs(caller, before) or not await claims.release(connection, device_id):
            raise _no_code(device_id)
        await audit.record(context.database, caller, "device.release", device_id, before=before)


def _is_theirs(caller: Caller, claim: Claim) -> bool:
    return Permission.DEVICES_WRITE in caller.scopes or claim.claimed_by == caller.actor


def _no_code(device_id: str) -> ProblemError:
    return ProblemError(404, f"the device {device_id} has no code: make one with POST .../claim-code")
