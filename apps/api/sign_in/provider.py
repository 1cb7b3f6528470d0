"""An issuer of OpenID Connect, as the API speaks to it by itself: authorization code with PKCE.

OpenID Connect Core 1.0 sections 3.1 and 5.3, Discovery 1.0 section 4, PKCE RFC 7636, issuer in the answer RFC 9207.
"""

import base64
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import jwt

from apps.api.errors import SignInUnavailableError
from apps.api.sign_in.people import People, Person
from apps.api.sign_in.settings import SignInSettings
from apps.platform.errors import ProblemError
from apps.platform.secrets import ReloadingSecret

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures of key pairs alone: with others, who knows the client's secret could sign for the issuer."""
METADATA_SECONDS = 3600.0
MIN_SECONDS_BETWEEN_KEYS = 30.0
LEEWAY_SECONDS = 30
REFUSED = "signing in failed: begin again"

Document = dict[str, Any]


class Provider:
    """The issuer. `redirect_uri`: where it sends people back to."""

    def __init__(self, settings: SignInSettings, people: People, http: httpx.AsyncClient, redirect_uri: str) -> None:
        self._settings = settings
        self._people = people
        self._http = http
        self._redirect_uri = redirect_uri
        path = settings.login_client_secret_file
        self._secret = None if path is None else ReloadingSecret(path, lambda content: content.decode().strip())
        self._metadata: Document = {}
        self._metadata_until = 0.0
        self._keys: jwt.PyJWKSet | None = None
        self._keys_at = 0.0

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Return where a browser is sent to sign in. Raises SignInUnavailableError."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.login_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._settings.login_scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = (await self._discovered())["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def redeem(self, code: str, nonce: str, verifier: str, issuer: str | None) -> Person:
        """Return who signed in, for the code that the browser brought. `issuer`: who it says gave it.

        Raises ProblemError 400 when the issuer does not take the code or what it answers is not for us, and
        SignInUnavailableError.
        """
        metadata = await self._discovered()
        if issuer is not None and issuer != self._settings.login_issuer:
            raise ProblemError(400, REFUSED)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
            "client_id": self._settings.login_client_id,
        }
        answer = await self._ask("POST", metadata["token_endpoint"], data=form, auth=self._client())
        if answer.status_code != 200:
            raise ProblemError(400, REFUSED)
        tokens = _json(answer)
        try:
            claims = await self._verified(str(tokens.get("id_token")), nonce)
            claims = await self._with_groups(claims, str(tokens.get("access_token")))
            return self._people.person(claims)
        except (jwt.PyJWTError, ValueError) as error:
            raise ProblemError(400, f"{REFUSED} ({error})") from None

    async def _verified(self, token: str, nonce: str) -> Document:
        """Return the claims of an ID token. Core 3.1.3.7."""
        key = await self._key(jwt.get_unverified_header(token))
        settings = self._settings
        claims: Document = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=settings.login_client_id,
            issuer=settings.login_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "aud", "iss", "nonce"]},
        )
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise ValueError("another nonce")
        if claims.get("azp", settings.login_client_id) != settings.login_client_id:
            raise ValueError("for another client")
        return claims

    async def _with_groups(self, claims: Document, access_token: str) -> Document:
        """Add what only the issuer's user info says, where the ID token has no groups."""
        endpoint = (await self._discovered()).get("userinfo_endpoint")
        if self._settings.login_groups_claim in claims or endpoint is None:
            return claims
        answer = await self._ask("GET", endpoint, headers={"Authorization": f"Bearer {access_token}"})
        info = _json(answer) if answer.status_code == 200 else {}
        if info and info.get("sub") != claims["sub"]:
            raise ValueError("the user info is another person's")
        return info | claims

    async def _key(self, header: Document) -> jwt.PyJWK:
        key_id = header.get("kid")
        found = self._find(key_id)
        if (found is None and time.monotonic() - self._keys_at > MIN_SECONDS_BETWEEN_KEYS) or self._keys is None:
            self._keys_at = time.monotonic()
            answer = await self._ask("GET", (await self._discovered())["jwks_uri"])
            self._keys = jwt.PyJWKSet.from_dict(_json(answer))
            found = self._find(key_id)
        if found is None:
            raise ValueError("no key of the issuer is called so")
        return found

    def _find(self, key_id: object) -> jwt.PyJWK | None:
        signing = [key for key in (self._keys.keys if self._keys else ()) if key.public_key_use in (None, "sig")]
        if key_id is None and len(signing) == 1:
            return signing[0]
        return next((key for key in signing if key_id is not None and key.key_id == key_id), None)

    async def _discovered(self) -> Document:
        if time.monotonic() < self._metadata_until:
            return self._metadata
        issuer = self._settings.login_issuer
        answer = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        metadata = _json(answer)
        if (
            metadata.get("issuer") != issuer
            or not {"authorization_endpoint", "token_endpoint", "jwks_uri"} <= metadata.keys()
        ):
            raise SignInUnavailableError(f"what answers at {issuer} is not this issuer: correct LOGIN_ISSUER")
        self._metadata, self._metadata_until = metadata, time.monotonic() + METADATA_SECONDS
        return metadata

    async def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, url, **more)
        except httpx.HTTPError as error:
            raise SignInUnavailableError("the login cannot be reached: try again in a moment") from error
        if answer.status_code >= 500:
            raise SignInUnavailableError("the login has trouble answering: try again in a moment")
        return answer

    def _client(self) -> httpx.BasicAuth | None:
        """Return how the client says who it is (RFC 6749, section 2.3.1); without a secret PKCE is all there is."""
        if self._secret is None:
            return None
        return httpx.BasicAuth(quote(self._settings.login_client_id, safe=""), quote(self._secret.read(), safe=""))


def _json(answer: httpx.Response) -> Document:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if answer.status_code != 200 or not isinstance(document, dict):
        raise SignInUnavailableError("the login answers what nobody understands: try again later")
    return document
