"""Viewing links: by which a screen on a wall shows without a login."""

import os
from datetime import datetime
from typing import Annotated

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Header, JsonResponse, Router
from apps.api.permissions import Permission
from apps.api.queries import viewing_links
from apps.api.queries.viewing_links import HOURS, MAX_TURN_SECONDS, MIN_TURN_SECONDS, Screen, View, ViewingLink
from apps.domain.credentials import Credential, CredentialId, CredentialKind, bearer
from apps.domain.devices import Label, Name
from apps.platform.errors import ProblemError

router = Router("Viewing links", "By which a screen on a wall shows without a login, until the link is revoked.")

MAX_VIEWS = 20
NOT_KEPT = {"Cache-Control": "no-store"}

Secret = Annotated[
    Annotated[str, msgspec.Meta(max_length=200, description="`Bearer` and the secret of the link")] | None,
    Header("authorization"),
]


class ViewingLinkSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link to make. `labels`: it shows the devices with one of these alone; null: all.

    `views` are shown in turn, each for `every_seconds`; without any, all that it may show. `dim`: from which hour to
    which the screen is dark, as `22-6`.
    """

    name: Name
    labels: Annotated[list[Label], msgspec.Meta(min_length=1, max_length=32)] | None = None
    views: Annotated[list[View], msgspec.Meta(max_length=MAX_VIEWS)] = []
    every_seconds: Annotated[float, msgspec.Meta(ge=MIN_TURN_SECONDS, le=MAX_TURN_SECONDS, multiple_of=1)] = 20
    dim: (
        Annotated[str, msgspec.Meta(pattern=HOURS, description="From one hour to another", examples=["22-6"])] | None
    ) = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class MadeViewingLink(msgspec.Struct, frozen=True):
    """A link that was just made. It is shown this once; only a hash of its secret is kept."""

    link: str
    about: ViewingLink


class ViewingLinks(msgspec.Struct, frozen=True):
    """All links, the newest first."""

    items: list[ViewingLink]


@router.operation("GET", "/viewing-links", permission=Permission.KEYS_MANAGE)
async def list_viewing_links(context: Context) -> ViewingLinks:
    """List viewing links, the newest first, also those that show nothing any more."""
    return ViewingLinks(await viewing_links.find(context.database))


@router.operation("POST", "/viewing-links", status=201, permission=Permission.KEYS_MANAGE)
async def make_viewing_link(context: Context, caller: Caller, body: ViewingLinkSpec) -> JsonResponse[MadeViewingLink]:
    """Make a viewing link.

    Whoever opens it looks at devices, readings, alerts and rules, and changes nothing. Its secret stands behind the
    `#`, which no browser sends and no server logs.
    """
    if body.expires_at is not None and body.expires_at <= context.now():
        raise ProblemError(400, f"expires_at {body.expires_at.isoformat()} is over: give a later time or leave it out")
    secret = Credential.make(CredentialKind.VIEW, os.urandom)
    async with context.database.transaction() as connection:
        link = await viewing_links.create(
            connection,
            secret,
            name=body.name,
            labels=body.labels,
            views=body.views,
            every_seconds=int(body.every_seconds),
            dim=body.dim,
            created_by=caller.actor,
            expires_at=body.expires_at,
        )
        await audit.record(context.database, caller, "viewing-link.make", link.link_id, after=link)
    return JsonResponse(MadeViewingLink(f"{context.settings.public_url}/wall#{secret.text}", link), NOT_KEPT)


@router.operation(
    "DELETE", "/viewing-links/{link_id}", status=204, permission=Permission.KEYS_MANAGE, errors={404: "No such link"}
)
async def revoke_viewing_link(context: Context, caller: Caller, link_id: CredentialId) -> None:
    """Revoke a viewing link.

    It shows nothing from now on, within seconds wherever it is open.
    """
    async with context.database.transaction() as connection:
        before = await viewing_links.revoke(connection, link_id, caller.actor)
        if before is None:
            raise ProblemError(404, f"there is no viewing link {link_id}: list them with GET /api/viewing-links")
        if before.revoked_at is None:
            await audit.record(context.database, caller, "viewing-link.revoke", link_id, before=before)
    context.access.views.forget()


@router.operation("POST", "/session/view", permission=Permission.PUBLIC, errors={401: "The link does not hold"})
async def open_viewing_link(context: Context, caller: Caller, authorization: Secret = None) -> JsonResponse[Screen]:
    """Exchange the secret of a viewing link, `Authorization: Bearer sav_...`, for a cookie that lets this screen look.

    Nobody has to sign in, and no page can read the cookie. The answer says what to show.
    """
    secret = bearer(authorization) or ""
    link = await viewing_links.get(context.database, caller.link_id) if caller.link_id else None
    if link is None or not context.access.views.is_secret(secret):
        raise ProblemError(422, "this takes the secret of a viewing link, as Authorization: Bearer sav_...: send that")
    cookie = context.access.views.cookie_header(secret, context.now(), link.expires_at)
    return JsonResponse(screen(link), {"Set-Cookie": cookie, **NOT_KEPT})


def screen(link: ViewingLink) -> Screen:
    """Return what the screen itself is told of its link."""
    return Screen(**{name: getattr(link, name) for name in Screen.__struct_fields__})
