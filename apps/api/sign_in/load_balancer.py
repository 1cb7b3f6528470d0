"""People whom an Application Load Balancer of AWS has signed in: it tells who they are in a header that it signs.

Whoever reaches the service by another way could send that header, so nothing is believed but what that load balancer
signed for this client of this issuer, a moment ago:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
"""

import hmac
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import jwt

from apps.api.caller import unauthorized
from apps.api.errors import SignInUnavailableError
from apps.api.short_memory import ShortMemory
from apps.api.sign_in.people import People, Person
from apps.api.sign_in.settings import SignInSettings

HEADER = "x-amzn-oidc-data"
ALGORITHM = "ES256"
COOKIES = tuple(f"AWSELBAuthSessionCookie-{number}" for number in range(4))
"""What a browser keeps of the load balancer's session."""
KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEY_SECONDS = 24 * 3600.0
LEEWAY_SECONDS = 5.0


class LoadBalancer:
    """Reads the header. A key is fetched once, by its id."""

    def __init__(
        self, settings: SignInSettings, people: People, http: httpx.AsyncClient, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._people = people
        self._http = http
        self._now = now
        self._keys: ShortMemory[str, str] = ShortMemory(KEY_SECONDS)

    async def identify(self, token: str) -> Person:
        """Return who has signed in.

        Raises ProblemError 401 for a header that the load balancer did not sign for us, or whose time is over, and
        SignInUnavailableError when its key cannot be fetched.
        """
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(self._checked(header))
            # Its times stand in the protected header; what it says in the claims is the issuer's.
            claims = jwt.decode(token, key, algorithms=[ALGORITHM], options=_OPTIONS)
            return self._people.person(claims)
        except (jwt.PyJWTError, ValueError) as error:
            raise unauthorized(f"what the load balancer says of the caller is not valid ({error})") from None

    def _checked(self, header: dict[str, Any]) -> str:
        """Return the id of the key, where all that can be read before the signature is as it must be."""
        settings = self._settings
        expected = {
            "alg": ALGORITHM,
            "signer": settings.login_signer,
            "client": settings.login_client_id,
            "iss": settings.login_issuer,
        }
        for name, value in expected.items():
            if not hmac.compare_digest(str(header.get(name)).encode(), value.encode()):
                raise ValueError(f"another {name}")
        expires = header.get("exp")
        if not isinstance(expires, int | float) or expires + LEEWAY_SECONDS < self._now().timestamp():
            raise ValueError("its time is over")
        key_id = header.get("kid")
        if not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id):
            raise ValueError("no key is called so")
        return key_id

    async def _key(self, key_id: str) -> str:
        key = self._keys.recall(key_id)
        if key is None:
            try:
                answer = await self._http.get(f"{self._settings.login_keys_url}/{key_id}")
            except httpx.HTTPError as error:
                raise SignInUnavailableError("the load balancer's keys cannot be reached: try again") from error
            if answer.status_code in (403, 404):
                raise ValueError("there is no such key")
            if answer.status_code != 200:
                raise SignInUnavailableError("the load balancer's keys cannot be read: try again")
            key = answer.text
            self._keys.keep(key_id, key)
        return key


_OPTIONS: Any = {
    "verify_aud": False,
    "verify_iss": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
