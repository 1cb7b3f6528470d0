"""A small issuer of OpenID Connect, so that signing in can be seen and tested on one machine.

It knows three people, one for each role, and asks for no password: whoever reaches it chooses who they are. It listens
on a loopback address alone, and its keys live as long as its process.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from apps.platform.http import application, read_body, serve
from apps.platform.settings import HttpSettings
from local.plan import HOST, LOGIN_CLIENT_ID, LOGIN_PEOPLE

TOKEN_SECONDS = 300
MAX_BYTES = 10_000


async def sign_people_in(port: int, front_door: str, stopping: asyncio.Event) -> None:
    """Answer as the issuer until `stopping`."""
    provider = IdentityProvider(f"http://{HOST}:{port}", f"{front_door}/api/session/callback")
    await serve(provider.application(), HttpSettings(http_host=HOST, http_port=port), stopping)


class IdentityProvider:
    """The issuer. `redirect_uri`: the one place that it sends people back to."""

    def __init__(self, issuer: str, redirect_uri: str) -> None:
        self.issuer = issuer
        self.redirect_uri = redirect_uri
        self.key_id = secrets.token_hex(8)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, Mapping[str, str]] = {}
        """What was asked for, by the code that was given for it. A code is taken once."""

    def application(self) -> Starlette:
        """Return what answers."""
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/keys", self._keys),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
        ]
        return application(routes, _ready)

    def claims(self, person: str, nonce: str) -> dict[str, Any]:
        """Return what an ID token says of somebody."""
        now = int(datetime.now(UTC).timestamp())
        return {
            "iss": self.issuer,
            "aud": LOGIN_CLIENT_ID,
            "sub": f"{person}-1",
            "email": f"{person}@example.com",
            "email_verified": True,
            "groups": [f"{person}s"],
            "nonce": nonce,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }

    def id_token(self, claims: Mapping[str, Any]) -> str:
        """Return the claims, signed."""
        return jwt.encode(dict(claims), self.key, algorithm="RS256", headers={"kid": self.key_id})

    async def _metadata(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _keys(self, _: Request) -> Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return JSONResponse({"keys": [public | {"kid": self.key_id, "use": "sig", "alg": "RS256"}]})

    async def _authorize(self, request: Request) -> Response:
        """Let somebody be chosen, or send them back as who was chosen (`login_hint`)."""
        query = dict(request.query_params)
        if query.get("redirect_uri") != self.redirect_uri or query.get("client_id") != LOGIN_CLIENT_ID:
            return Response("another client, or another place to return to", 400)
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            return Response("PKCE with S256 is wanted", 400)
        person = query.get("login_hint")
        if person not in LOGIN_PEOPLE:
            links = "".join(
                f'<p><a href="?{escape(urlencode(query | {"login_hint": name}))}">{name}@example.com</a></p>'
                for name in LOGIN_PEOPLE
            )
            return HTMLResponse(f"<!doctype html><title>Sign in</title><h1>Who are you?</h1>{links}")
        code = secrets.token_urlsafe(32)
        self._codes[code] = query
        answer = {"code": code, "state": query.get("state", ""), "iss": self.issuer}
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(answer)}", 303)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await read_body(request, MAX_BYTES, seconds=10)).decode("utf-8", "replace")))
        query = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if query is None or not hmac.compare_digest(challenge, query["code_challenge"]):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.id_token(self.claims(query["login_hint"], query.get("nonce", "")))
        return JSONResponse({"token_type": "Bearer", "access_token": secrets.token_urlsafe(16), "id_token": token})


async def _ready() -> None:
    """It is ready whenever it answers."""
