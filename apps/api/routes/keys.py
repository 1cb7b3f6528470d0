"""API keys: how programs are let in."""

from datetime import datetime
from typing import Annotated

import msgspec

from apps.api import audit
from apps.api import keys as key_text
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import JsonResponse, Page, Router
from apps.api.permissions import ALL_SCOPES, DEVICE_SCOPES, VIEWER_SCOPES, Permission
from apps.api.queries import keys
from apps.api.queries.keys import ApiKey, KeyOrder
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.devices import Label, Name
from apps.platform.errors import ProblemError

router = Router("Keys", "How programs are let in: each by a key of its own, which may do what its scopes say.")

KeyId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9-]{1,40}(?!\n)$", description="The part that is no secret", examples=["0123456789ab"]
    ),
]


class KeySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make. `labels`: it sees the devices with one of these alone; null: all."""

    name: Name
    scopes: Annotated[list[Permission], msgspec.Meta(min_length=1, max_length=len(ALL_SCOPES))]
    labels: Annotated[list[Label], msgspec.Meta(min_length=1, max_length=32)] | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """A key that was just made. Its text is shown this once and kept nowhere."""

    key: str
    about: ApiKey


@router.operation("GET", "/keys", permission=Permission.KEYS_MANAGE)
async def list_keys(context: Context, query: PageQuery) -> Page[ApiKey]:
    """List keys, the newest first, also those that work no longer."""
    rows = await keys.find(context.database, query.limit + 1, decode_cursor(query, KeyOrder))
    return page("keys", query, rows, lambda key: KeyOrder(key.created_at, key.key_id))


@router.operation("POST", "/keys", status=201, permission=Permission.KEYS_MANAGE)
async def make_key(context: Context, caller: Caller, body: KeySpec) -> JsonResponse[MadeKey]:
    """Make a key.

    It may do no more than whoever makes it. Send it as `Authorization: Bearer KEY`.
    """
    scopes = frozenset(body.scopes)
    if others := sorted(scopes & DEVICE_SCOPES):
        raise ProblemError(400, f"{', '.join(others)} is what devices prove with their own credentials: leave it out")
    if beyond := sorted(scopes - caller.scopes - {Permission.PUBLIC}):
        raise ProblemError(403, f"you have not {', '.join(beyond)} yourself: leave it out")
    if body.labels is not None and (unlimited := sorted(scopes - VIEWER_SCOPES - {Permission.PUBLIC})):
        raise ProblemError(400, f"labels limit what is seen, and not {', '.join(unlimited)}: leave out either")
    if body.expires_at is not None and body.expires_at <= context.now():
        raise ProblemError(400, f"expires_at {body.expires_at.isoformat()} is over: give a later time or leave it out")
    new = key_text.make()
    async with context.database.transaction():
        key = await keys.create(
            context.database,
            new.key_id,
            new.key_hash,
            name=body.name,
            scopes=scopes,
            labels=None if body.labels is None else frozenset(body.labels),
            owner=caller.actor,
            expires_at=body.expires_at,
        )
        if key is None:
            raise ProblemError(503, "an id was drawn that there is already: try again")
        await audit.record(context.database, caller, "key.make", new.key_id, after=key)
    return JsonResponse(MadeKey(new.text, key), {"Cache-Control": "no-store"})


@router.operation(
    "DELETE", "/keys/{key_id}", status=204, permission=Permission.KEYS_MANAGE, errors={404: "No such key"}
)
async def revoke_key(context: Context, caller: Caller, key_id: KeyId) -> None:
    """Revoke a key.

    It is refused from now on, within seconds by every replica, and stays in the list.
    """
    async with context.database.transaction():
        before = await keys.revoke(context.database, key_id, caller.actor)
        if before is None:
            raise ProblemError(404, f"there is no key {key_id}: list them with GET /api/keys")
        if before.revoked_at is None:
            await audit.record(context.database, caller, "key.revoke", key_id, before=before)
    context.access.keys.forget()
