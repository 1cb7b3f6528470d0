"""Who asks, and from which pages a browser may open a WebSocket."""

import hmac
from pathlib import Path

from starlette.datastructures import Headers

from apps.api.caller import Caller, unauthorized
from apps.api.permissions import ANONYMOUS_SCOPES, ROLE_SCOPES, Role
from apps.platform.secrets import ReloadingSecret

MIN_TOKEN_LENGTH = 16
OPERATOR = "operator-token"
"""Who did what was done with the operator's token."""


class Access:
    """Finds out who asks.

    `operator_token`: the bearer token of an administrator (RFC 6750). One that is rotated in its file is valid at once.
    `identity_header`: the request header by which the load balancer names who has signed in; empty: nobody signs in.
    The load balancer lets whoever sends a token pass without a login, so a token that is sent must be right, also where
    none is needed.
    """

    def __init__(self, operator_token: Path, identity_header: str) -> None:
        self._operator_token = ReloadingSecret(operator_token, _parse)
        self._identity_header = identity_header

    def identify(self, headers: Headers) -> Caller:
        """Return who asks. Raises ProblemError 401 when they say who they are, and it is not true."""
        authorization = headers.get("authorization")
        if authorization is not None:
            return self._by_token(authorization)
        if self._identity_header and (name := headers.get(self._identity_header)):
            return Caller(name, ROLE_SCOPES[Role.VIEWER])
        return Caller(None, ANONYMOUS_SCOPES)

    def _by_token(self, authorization: str) -> Caller:
        scheme, _, token = authorization.partition(" ")
        is_valid = hmac.compare_digest(token.strip().encode(), self._operator_token.read())
        if scheme.lower() != "bearer" or not is_valid:
            raise unauthorized("the token is not valid")
        return Caller(OPERATOR, ROLE_SCOPES[Role.ADMINISTRATOR])


def origin_allowed(headers: Headers, allowed: frozenset[str]) -> bool:
    """Tell whether a WebSocket handshake comes from a page of this host or of an allowed origin.

    Browsers send cookies and open sockets across sites without asking, and CORS does not cover WebSockets. A client
    that sends no Origin is no browser (RFC 6455, section 10.2).
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""


def _parse(content: bytes) -> bytes:
    token = content.strip()
    if len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(f"the operator's token has {len(token)} characters; at least {MIN_TOKEN_LENGTH} are needed")
    return token
