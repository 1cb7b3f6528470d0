"""Signing in and out, and who has signed in."""

import base64
import binascii
import hmac
import secrets
from dataclasses import replace
from typing import Annotated

import msgspec
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Header, JsonResponse, Router
from apps.api.permissions import Permission, Role
from apps.api.queries import viewing_links
from apps.api.queries.viewing_links import Screen
from apps.api.routes.viewing_links import screen
from apps.api.sign_in import load_balancer
from apps.api.sign_in.sessions import LIFETIME
from apps.platform.errors import ProblemError

router = Router("Signing in", "Who asks, and how people say who they are.")

CALLBACK = "/session/callback"
SIGN_IN = "/api/session/sign-in"
FLOW_SECONDS = 600
MAX_FLOW = 2048

PRINTABLE_ASCII = r"^[ -~]*$"

Cookies = Annotated[Annotated[str, msgspec.Meta(max_length=16_384, pattern=PRINTABLE_ASCII)] | None, Header("cookie")]
Place = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^/([!-.0-\[\]-~][!-\[\]-~]*)?(?!\n)$", max_length=500, description="Page of this site to return to"
    ),
]
Answered = Annotated[str, msgspec.Meta(max_length=4096, pattern=PRINTABLE_ASCII)]
"""What an issuer answers (RFC 6749, appendix A: printable ASCII), so short that all of it fits into the headers."""
Remark = Annotated[str, msgspec.Meta(max_length=400)]


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may do. `sign_in`: where to sign in; null where that is not done here, or was done.

    `screen`: what a screen shows that was let in by a viewing link.
    """

    name: str | None
    role: Role | None
    scopes: list[Permission]
    labels: list[str] | None
    sign_in: str | None
    can_sign_out: bool
    screen: Screen | None


class SignInQuery(msgspec.Struct, frozen=True):
    """Where to return to."""

    return_to: Place = "/"


class CallbackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the issuer lets the browser bring."""

    code: Answered | None = None
    state: Annotated[str, msgspec.Meta(max_length=MAX_FLOW, pattern=PRINTABLE_ASCII)] | None = None
    iss: Remark | None = None
    error: Remark | None = None
    error_description: Remark | None = None
    error_uri: Remark | None = None
    session_state: Remark | None = None


class _Flow(msgspec.Struct, frozen=True):
    """What this browser must bring back, kept in a cookie that only it has."""

    state: str
    nonce: str
    verifier: str
    return_to: str


@router.operation("GET", "/session", permission=Permission.PUBLIC)
async def show_session(context: Context, caller: Caller, cookies: Cookies = None) -> JsonResponse[SignedIn]:
    """Show who asks and what they may do."""
    views = context.access.views
    link = await viewing_links.get(context.database, caller.link_id) if caller.link_id else None
    # A screen that is switched on now and then keeps its cookie for as long as the link holds.
    secret = _cookie(cookies, views.cookie) if caller.is_browser else None
    renewed = {"Set-Cookie": views.cookie_header(secret, context.now(), link.expires_at)} if link and secret else {}
    settings = context.settings
    signs_in_here = bool(settings.login_issuer and not settings.login_signer)
    signed_in = SignedIn(
        name=caller.name,
        role=caller.role,
        scopes=sorted(caller.scopes),
        labels=None if caller.labels is None else sorted(caller.labels),
        sign_in=SIGN_IN if signs_in_here and caller.name is None else None,
        can_sign_out=(bool(settings.login_issuer) or link is not None) and caller.is_browser,
        screen=None if link is None else screen(link),
    )
    return JsonResponse(signed_in, renewed)


NOT_HERE = {404: "Nobody signs in here"}


@router.operation("GET", "/session/sign-in", status=303, permission=Permission.PUBLIC, produces={}, errors=NOT_HERE)
async def sign_in(context: Context, query: SignInQuery) -> Response:
    """Send a browser to where people sign in."""
    _check_here(context)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    flow = _Flow(state, nonce, verifier, query.return_to)
    response = _redirect(await context.provider.authorization_url(flow.state, flow.nonce, flow.verifier))
    _keep(response, _flow_cookie(context), _encode(flow), FLOW_SECONDS)
    return response


@router.operation("GET", CALLBACK, status=303, permission=Permission.PUBLIC, produces={}, errors=NOT_HERE)
async def finish_sign_in(context: Context, caller: Caller, query: CallbackQuery, cookies: Cookies = None) -> Response:
    """Take the browser back from where people sign in, and begin a session."""
    _check_here(context)
    if query.error is not None:
        raise ProblemError(400, f"nobody has signed in: the login says {query.error[:200]!r}")
    flow = _decode(_cookie(cookies, _flow_cookie(context)))
    if flow is None or not hmac.compare_digest((query.state or "").encode(), flow.state.encode()) or not query.code:
        raise ProblemError(400, f"this browser did not begin to sign in here, or too long ago: begin at {SIGN_IN}")
    person = await context.provider.redeem(query.code, flow.nonce, flow.verifier, query.iss)
    if (old := _cookie(cookies, context.access.cookie)) is not None:
        await context.access.sessions.end(old)
    signed_in = replace(caller, name=person.name)
    async with context.database.transaction():
        value = await context.access.sessions.begin(person)
        await audit.record(context.database, signed_in, "session.begin", person.name, after=person)
    response = _redirect(flow.return_to)
    _keep(response, context.access.cookie, value, int(LIFETIME.total_seconds()))
    _forget(context, response, _flow_cookie(context))
    return response


@router.operation("POST", "/session/sign-out", status=204, permission=Permission.PUBLIC, produces={})
async def sign_out(context: Context, caller: Caller, cookies: Cookies = None) -> Response:
    """Sign out: the session ends, and its cookie opens nothing any more. A screen forgets its viewing link."""
    response = Response(status_code=204)
    response.headers.append("Set-Cookie", context.access.views.expired_cookie_header())
    if (value := _cookie(cookies, context.access.cookie)) is not None and caller.is_browser:
        await context.access.sessions.end(value)
    names = load_balancer.COOKIES if context.settings.login_signer else (context.access.cookie,)
    for name in names:
        _forget(context, response, name)
    return response


def _check_here(context: Context) -> None:
    if not context.settings.login_issuer or context.settings.login_signer:
        raise ProblemError(404, "nobody signs in here: send a key, or open a page of this site")


def _redirect(url: str) -> Response:
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


def _flow_cookie(context: Context) -> str:
    return context.access.cookie.replace("session", "sign-in")


def _keep(response: Response, name: str, value: str, seconds: int) -> None:
    secure = name.startswith("__Host-")
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def _forget(context: Context, response: Response, name: str) -> None:
    secure = context.settings.public_url.startswith("https://")
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def _cookie(cookies: str | None, name: str) -> str | None:
    return cookie_parser(cookies or "").get(name)


def _encode(flow: _Flow) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(flow)).rstrip(b"=").decode()


def _decode(cookie: str | None) -> _Flow | None:
    if cookie is None or len(cookie) > MAX_FLOW:
        return None
    try:
        padded = cookie.encode() + b"=" * (-len(cookie) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=_Flow)
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError):
        return None
