"""Screens let in by a viewing link: they may look, as somebody unknown may where anybody may look, and nothing else.

The secret stands in the fragment of the link, which no browser sends. The page sends it once, as a bearer token, and is
given a cookie that no script reads: the link's text need not stay in the address, and sockets carry cookies alone.
"""

from datetime import datetime, timedelta

from apps.api.caller import Caller
from apps.api.database import Database
from apps.api.permissions import ANONYMOUS_SCOPES
from apps.api.queries import viewing_links
from apps.api.short_memory import ShortMemory
from apps.domain.credentials import Credential, CredentialKind
from apps.domain.errors import InvalidCredentialError
from apps.platform.errors import ProblemError

REMEMBERED_SECONDS = 5.0
"""A link that was revoked at another replica is let in here for no longer."""
MAX_COOKIE_TIME = timedelta(days=400)
"""No browser keeps a cookie for longer; each page that is loaded renews it."""


class ViewAccess:
    """Finds out by which link a screen asks. `secure`: whether it is reached by HTTPS alone."""

    def __init__(self, database: Database, *, secure: bool) -> None:
        self.cookie = "__Host-view" if secure else "view"
        self._secure = secure
        self._database = database
        self._callers: ShortMemory[bytes, Caller] = ShortMemory(REMEMBERED_SECONDS)

    def is_secret(self, token: str) -> bool:
        """Tell whether a bearer token means to be the secret of a link."""
        return token.startswith(f"{CredentialKind.VIEW}_")

    async def identify(self, secret: str) -> Caller:
        """Return the screen that asks. Raises ProblemError 401 when the link does not hold, or holds no longer.

        A browser is told to forget the cookie then: it would keep a person out who may come in otherwise.
        """
        try:
            credential = Credential.parse(CredentialKind.VIEW, secret)
        except InvalidCredentialError:
            raise self._refusal() from None
        if (caller := self._callers.recall(credential.digest)) is None:
            link = await viewing_links.identify(self._database, credential)
            if link is None:
                raise self._refusal()
            labels = None if link.labels is None else frozenset(link.labels)
            name = f"{link.name} (viewing link {link.link_id})"
            caller = Caller(name, ANONYMOUS_SCOPES, labels, link_id=link.link_id)
            self._callers.keep(credential.digest, caller)
        return caller

    def forget(self) -> None:
        """Ask the database again from now on: a link was revoked here."""
        self._callers.clear()

    def cookie_header(self, secret: str, now: datetime, expires_at: datetime | None) -> str:
        """Return the header Set-Cookie that lets a browser in from now on."""
        lasts = MAX_COOKIE_TIME if expires_at is None else min(expires_at - now, MAX_COOKIE_TIME)
        return self._set_cookie(secret, int(lasts.total_seconds()))

    def expired_cookie_header(self) -> str:
        """Return the header Set-Cookie that lets it in no more."""
        return self._set_cookie("", 0)

    def _set_cookie(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self.cookie}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _refusal(self) -> ProblemError:
        text = "this viewing link was revoked, has expired or never was one: ask for a new link"
        return ProblemError(401, text, headers={"Set-Cookie": self.expired_cookie_header()})
