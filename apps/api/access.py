"""Who asks, and from which pages a browser may do so."""

from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from apps.api.caller import Caller, unauthorized
from apps.api.key_access import KeyAccess
from apps.api.permissions import ANONYMOUS_SCOPES, ROLE_SCOPES, Role
from apps.api.settings import ApiSettings
from apps.api.sign_in import load_balancer
from apps.api.sign_in.load_balancer import LoadBalancer
from apps.api.sign_in.people import People
from apps.api.sign_in.sessions import Sessions
from apps.api.sign_in.settings import LOOPBACK
from apps.api.view_access import ViewAccess
from apps.domain.credentials import bearer
from apps.domain.errors import InvalidCredentialError
from apps.platform.errors import ProblemError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """Finds out who asks: by a key, by a login at the load balancer or here, by a viewing link, by nothing.

    The load balancer lets whoever sends a key pass without a login, so a key that is sent must be valid, also where
    none is needed, and nothing else is looked at then. Who has signed in is that person, also with the cookie of a
    viewing link.
    """

    def __init__(
        self,
        settings: ApiSettings,
        keys: KeyAccess,
        views: ViewAccess,
        people: People,
        sessions: Sessions,
        signer: LoadBalancer,
    ) -> None:
        self.keys = keys
        self.views = views
        self.sessions = sessions
        self._settings = settings
        self._people = people
        self._signer = signer
        self.cookie = "__Host-session" if settings.public_url.startswith("https://") else "session"

    async def identify(self, request: HTTPConnection) -> Caller:
        """Return who asks.

        Raises ProblemError 401 when they say who they are, and it is not true, 403 for a change that a page of another
        site may have sent.
        """
        caller = await self._identify(request)
        if caller.is_browser and request.scope.get("method", "GET") not in SAFE_METHODS:
            self._check_page(request.headers)
        return replace(caller, address=address_of(request))

    async def _identify(self, request: HTTPConnection) -> Caller:
        headers, settings = request.headers, self._settings
        try:
            key = bearer(headers.get("authorization"))
        except InvalidCredentialError:
            raise unauthorized("the Authorization header holds no key") from None
        if key is not None:
            return await (self.views if self.views.is_secret(key) else self.keys).identify(key)
        if settings.login_signer:
            if (token := headers.get(load_balancer.HEADER)) is not None:
                return self._people.caller(await self._signer.identify(token))
        elif settings.login_issuer and (value := request.cookies.get(self.cookie)):
            if (person := await self.sessions.find(value)) is not None:
                return self._people.caller(person)
        elif settings.local_operator and _is_local(headers):
            role = Role.ADMINISTRATOR
            return Caller(settings.local_operator, ROLE_SCOPES[role], role=role, is_browser=True)
        if link := request.cookies.get(self.views.cookie):
            return replace(await self.views.identify(link), is_browser=True)
        return Caller(None, ANONYMOUS_SCOPES if settings.anonymous else frozenset())

    def _check_page(self, headers: Headers) -> None:
        """Raise ProblemError 403 unless a page of this site sends the change, as every browser says."""
        if "origin" in headers:
            is_ours = origin_allowed(headers, self._settings.origins)
        else:
            is_ours = headers.get("sec-fetch-site") == "same-origin"
        if not is_ours:
            raise ProblemError(403, "a change under a person's name must come from a page of this site: send a key")


def origin_allowed(headers: Headers, allowed: frozenset[str]) -> bool:
    """Tell whether a request comes from a page of this host or of an allowed origin.

    Browsers send cookies and open sockets across sites without asking, and CORS does not cover WebSockets. A client
    that sends no Origin is no browser (RFC 6455, section 10.2).
    """
    origin = headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""


def _is_local(headers: Headers) -> bool:
    """Tell whether a browser reached this machine by a name that no other has (no DNS rebinding)."""
    name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    return name.strip("[]") in LOOPBACK


def address_of(request: HTTPConnection) -> str:
    """Return where a request came from: the peer, and whom the last proxy before it named, who may have lied."""
    peer = request.client.host if request.client else "unknown"
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()[:60]
    return f"{forwarded} via {peer}" if forwarded else peer
