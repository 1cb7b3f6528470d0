"""Who asks, and from which pages a browser may open a WebSocket."""

from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from apps.api.caller import Caller, unauthorized
from apps.api.key_access import KeyAccess
from apps.api.permissions import ANONYMOUS_SCOPES, ROLE_SCOPES, Role


class Access:
    """Finds out who asks.

    `identity_header`: the request header by which the load balancer names who has signed in; empty: nobody signs in.
    The load balancer lets whoever sends a key pass without a login, so a key that is sent must be valid, also where
    none is needed.
    """

    def __init__(self, keys: KeyAccess, identity_header: str) -> None:
        self.keys = keys
        self._identity_header = identity_header

    async def identify(self, request: HTTPConnection) -> Caller:
        """Return who asks. Raises ProblemError 401 when they say who they are, and it is not true."""
        return replace(await self._identify(request.headers), address=_address(request))

    async def _identify(self, headers: Headers) -> Caller:
        authorization = headers.get("authorization")
        if authorization is not None:
            scheme, _, key = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise unauthorized("the Authorization header holds no key")
            return await self.keys.identify(key.strip())
        if self._identity_header and (name := headers.get(self._identity_header)):
            return Caller(name, ROLE_SCOPES[Role.VIEWER])
        return Caller(None, ANONYMOUS_SCOPES)


def origin_allowed(headers: Headers, allowed: frozenset[str]) -> bool:
    """Tell whether a WebSocket handshake comes from a page of this host or of an allowed origin.

    Browsers send cookies and open sockets across sites without asking, and CORS does not cover WebSockets. A client
    that sends no Origin is no browser (RFC 6455, section 10.2).
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""


def _address(request: HTTPConnection) -> str:
    """Return where a request came from: the peer, and whom the last proxy before it named, who may have lied."""
    peer = request.client.host if request.client else "unknown"
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()[:60]
    return f"{forwarded} via {peer}" if forwarded else peer
