"""People whom the load balancer has signed in: what it signs for us is believed, and nothing else."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.platform.http import application
from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.support.api import TOKEN
from tests.support.postgres import TestDatabase
from tests.support.serving import serving

BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/ingress/50dc6c495c0c9188"
ISSUER = "https://login.example.com"
CLIENT = "sensor-analytics"
PAGE = {"Origin": "http://platform.test"}
SPEC = {"device_id": "d", "kind": "power"}


class Balancer:
    """Signs as Application Load Balancers do, and publishes its keys: by id, as PEM."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_id = str(uuid4())
        self.requested_key_ids: list[str] = []
        self.status = 200

    async def public_key(self, request: Request) -> Response:
        key_id = request.path_params["key_id"]
        self.requested_key_ids.append(key_id)
        if key_id != self.key_id:
            return Response(status_code=403)
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return PlainTextResponse(pem.decode(), self.status)

    def header(self, **changes: Any) -> dict[str, Any]:
        expires = int(datetime.now(UTC).timestamp()) + 120
        header = {"typ": "JWT", "kid": self.key_id, "alg": "ES256", "iss": ISSUER, "client": CLIENT}
        return header | {"signer": BALANCER, "exp": expires} | changes

    def token(self, claims: dict[str, Any], key: ec.EllipticCurvePrivateKey | None = None, **header: Any) -> str:
        # AWS keeps the padding, which RFC 7515 takes away.
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (self.header(**header), claims)]
        r, s = decode_dss_signature((key or self.key).sign(b".".join(parts), ec.ECDSA(hashes.SHA256())))
        signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return b".".join([*parts, signature]).decode()


def person(**claims: Any) -> dict[str, Any]:
    return {"sub": "1", "email": "ann@example.com", "groups": ["operations"], **claims}


@contextmanager
def serving_keys(balancer: Balancer) -> Iterator[str]:
    async def ready() -> None: ...

    with serving(application([Route("/{key_id}", balancer.public_key)], ready)) as url:
        yield url


@pytest.fixture
def balancer() -> Balancer:
    return Balancer()


@pytest.fixture
async def behind(database: TestDatabase, tmp_path: Path, balancer: Balancer) -> AsyncIterator[RunningApi]:
    with serving_keys(balancer) as keys:
        login = {
            "LOGIN_ISSUER": ISSUER,
            "LOGIN_CLIENT_ID": CLIENT,
            "LOGIN_SIGNER": BALANCER,
            "LOGIN_KEYS_URL": keys,
            "LOGIN_ROLES": '{"operations": "operator"}',
            "ANONYMOUS": "",
        }
        with running_api(api_settings(database, tmp_path, **login)) as running:
            async with running.http, running.reader:
                yield running


def signed_in(token: str, **more: str) -> dict[str, str]:
    return {"x-amzn-oidc-data": token, "x-amzn-oidc-identity": "1", **more}


async def test_whom_it_signed_in_acts_under_their_name(behind: RunningApi, balancer: Balancer) -> None:
    ann = signed_in(balancer.token(person()))
    who = (await behind.reader.get("/api/session", headers=ann)).json()
    assert (who["name"], who["role"], who["sign_in"], who["can_sign_out"]) == (
        "ann@example.com",
        "operator",
        None,
        True,
    )
    assert (await behind.reader.post("/api/devices", json=SPEC, headers=ann | PAGE)).status_code == 201
    assert (await behind.reader.post("/api/devices", json=SPEC, headers=ann)).status_code == 403, "no page of ours"
    async with websockets.connect(behind.live_url, additional_headers=ann) as client:
        await client.send('{"type":"subscribe"}')
        assert '"snapshot"' in str(await client.recv())
    out = await behind.reader.post("/api/session/sign-out", headers=ann | PAGE)
    assert {cookie.partition("=")[0] for cookie in out.headers.get_list("set-cookie")} == {
        "view",
        *(f"AWSELBAuthSessionCookie-{number}" for number in range(4)),
    }, "what the load balancer and a viewing link let in is over"
    assert balancer.requested_key_ids == [balancer.key_id], "a key is fetched once"
    (event,) = (await behind.http.get("/api/audit")).json()["items"]
    assert event["actor"] == "ann@example.com"


async def test_without_its_word_nobody_is_known_and_a_key_needs_none(behind: RunningApi, balancer: Balancer) -> None:
    for headers in ({}, {"x-amzn-oidc-identity": "1"}, {"Cookie": "session=x"}):
        assert (await behind.reader.get("/api/devices", headers=headers)).status_code == 401
    assert (await behind.http.get("/api/keys")).status_code == 200
    # Whoever sends a key passes the load balancer without a login: the rest of what they send means nothing.
    wrong = signed_in(balancer.token(person()), Authorization="Bearer wrong")
    assert (await behind.reader.get("/api/devices", headers=wrong)).status_code == 401
    right = signed_in("nonsense", Authorization=f"Bearer {TOKEN}")
    assert (await behind.reader.get("/api/keys", headers=right)).status_code == 200


OTHER = ec.generate_private_key(ec.SECP256R1())


def changed_claims(token: str) -> str:
    header, _, signature = token.split(".")
    claims = base64.urlsafe_b64encode(json.dumps(person(groups=["administrators"])).encode()).decode()
    return f"{header}.{claims}.{signature}"


FORGED: dict[str, Callable[[Balancer], str]] = {
    "of another load balancer": lambda balancer: balancer.token(person(), signer=BALANCER[:-1] + "9"),
    "of no load balancer": lambda balancer: balancer.token(person(), signer=None),
    "for another client": lambda balancer: balancer.token(person(), client="another"),
    "of another issuer": lambda balancer: balancer.token(person(), iss="https://elsewhere.test"),
    "over": lambda balancer: balancer.token(person(), exp=int(datetime.now(UTC).timestamp()) - 60),
    "without an end": lambda balancer: balancer.token(person(), exp=None),
    "with an end in words": lambda balancer: balancer.token(person(), exp="tomorrow"),
    "signed by another key": lambda balancer: balancer.token(person(), OTHER),
    "with a key that there is not": lambda balancer: balancer.token(person(), OTHER, kid=str(uuid4())),
    "with a key of another path": lambda balancer: balancer.token(person(), kid=f"../{balancer.key_id}"),
    "with another algorithm": lambda balancer: balancer.token(person(), alg="HS256"),
    "not signed": lambda balancer: balancer.token(person(), alg="none").rpartition(".")[0] + ".",
    "with other claims": lambda balancer: changed_claims(balancer.token(person())),
    "about nobody": lambda balancer: balancer.token({"email": "ann@example.com"}),
    "nonsense": lambda _: "a.b.c",
    "empty": lambda _: "",
    "cut": lambda balancer: balancer.token(person())[:-20],
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_what_it_did_not_sign_for_us_lets_nobody_in(
    behind: RunningApi, balancer: Balancer, forge: Callable[[Balancer], str]
) -> None:
    headers = signed_in(forge(balancer))
    refused = await behind.reader.get("/api/session", headers=headers)
    assert refused.status_code == 401, refused.text
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(behind.live_url, additional_headers=headers)
    assert not [key_id for key_id in balancer.requested_key_ids if "/" in key_id]


async def test_while_its_keys_cannot_be_read_it_is_tried_again_later(behind: RunningApi, balancer: Balancer) -> None:
    balancer.status = 500
    ann = signed_in(balancer.token(person()))
    assert (await behind.reader.get("/api/session", headers=ann)).status_code == 503
    balancer.status = 200
    assert (await behind.reader.get("/api/session", headers=ann)).status_code == 200


async def test_here_nobody_signs_in_by_the_api(behind: RunningApi) -> None:
    assert (await behind.reader.get("/api/session/sign-in")).status_code == 404


async def test_a_header_of_the_load_balancer_means_nothing_without_one(api: RunningApi, balancer: Balancer) -> None:
    answer = await api.reader.get("/api/session", headers=signed_in(balancer.token(person())))
    assert answer.json()["name"] is None
    assert httpx.codes.is_success(answer.status_code)
