"""Who may do what, and from which pages a browser may open a WebSocket."""

import hmac
from pathlib import Path

from starlette.datastructures import Headers

from apps.api.operation import Operation
from apps.platform.errors import ProblemError
from apps.platform.secrets import ReloadingSecret

MIN_TOKEN_LENGTH = 16


class OperatorToken:
    """The bearer token that writes need (RFC 6750). A token that is rotated in its file is valid at once."""

    def __init__(self, path: Path) -> None:
        self._file = ReloadingSecret(path, _parse)

    def check(self, authorization: str | None) -> None:
        """Raise ProblemError 401 unless the Authorization header carries the token."""
        scheme, _, token = (authorization or "").partition(" ")
        is_valid = hmac.compare_digest(token.strip().encode(), self._file.read())
        if scheme.lower() != "bearer" or not is_valid:
            wrong = "the token is not valid" if scheme else "this needs the operator's token"
            raise ProblemError(
                401,
                f"{wrong}: send Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": 'Bearer realm="operator"'},
            )


class Access:
    """Who may do what.

    `identity_header`: the request header by which the load balancer names who has signed in; empty: nobody signs in.
    The load balancer lets whoever sends a token pass without a login, so a token that is sent must be the operator's,
    also where none is needed.
    """

    def __init__(self, operator: OperatorToken, identity_header: str) -> None:
        self._operator = operator
        self._identity_header = identity_header

    def check_token_if_sent(self, headers: Headers) -> None:
        """Raise ProblemError 401 when there is an Authorization header that is not the operator's."""
        authorization = headers.get("authorization")
        if authorization is not None:
            self._operator.check(authorization)

    def check(self, operation: Operation, headers: Headers) -> None:
        """Raise ProblemError 401 unless whoever asks may do it."""
        self.check_token_if_sent(headers)
        if operation.requires_token or (operation.requires_person and not self._signed_in(headers)):
            self._operator.check(headers.get("authorization"))

    def _signed_in(self, headers: Headers) -> bool:
        return bool(self._identity_header and headers.get(self._identity_header))


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
