"""An issuer of OpenID Connect that a test lets lie, and browsers that sign in with it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from devtools.ports import free_port
from local.infrastructure.identity_provider import IdentityProvider
from tests.apps.api.conftest import RunningApi
from tests.support.serving import serving

PAGE = "http://platform.test"
OURS = {"Origin": PAGE}


class Issuer(IdentityProvider):
    """An issuer that a test lets say something else."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer, f"{PAGE}/api/session/callback")
        self.changes: dict[str, Any] = {}
        self.signed: Mapping[str, Any] | None = None
        """Another key, algorithm or headers with which tokens are signed."""

    def claims(self, person: str, nonce: str) -> dict[str, Any]:
        claims = super().claims(person, nonce) | self.changes
        return {name: value for name, value in claims.items() if value is not None}

    def id_token(self, claims: Mapping[str, Any]) -> str:
        return super().id_token(claims) if self.signed is None else jwt.encode(dict(claims), **self.signed)


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    port = free_port()
    issuer = Issuer(f"http://127.0.0.1:{port}")
    with serving(issuer.application(), port):
        yield issuer


def login(issuer: Issuer) -> dict[str, str]:
    roles = '{"administrators": "administrator", "operators": "operator", "viewers": "viewer"}'
    return {"LOGIN_ISSUER": issuer.issuer, "LOGIN_CLIENT_ID": "sensor-analytics", "LOGIN_ROLES": roles, "ANONYMOUS": ""}


async def come_back(browser: httpx.AsyncClient, person: str, return_to: str = "/") -> str:
    """Begin to sign in as somebody, and return the place to which the issuer sends the browser back."""
    begun = await browser.get("/api/session/sign-in", params={"return_to": return_to})
    assert begun.status_code == 303, begun.text
    chosen = await browser.get(f"{begun.headers['location']}&login_hint={person}")
    assert chosen.status_code == 303, chosen.text
    location = urlsplit(chosen.headers["location"])
    return f"{location.path}?{location.query}"


def sign_in(api: RunningApi, person: str, return_to: str = "/") -> AbstractAsyncContextManager[httpx.AsyncClient]:
    return sign_in_at(api.url, person, return_to)


@asynccontextmanager
async def sign_in_at(url: str, person: str, return_to: str = "/") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as browser:
        finished = await browser.get(await come_back(browser, person, return_to))
        assert (finished.status_code, finished.headers["location"]) == (303, return_to), finished.text
        yield browser
