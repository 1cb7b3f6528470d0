"""Signing in through the API itself, with a real issuer of OpenID Connect beside it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.api.sign_in.settings import SignInSettings
from apps.platform.errors import ConfigurationError
from apps.platform.settings import load
from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.platform.issuer import OURS, PAGE, Issuer, come_back, login, running_issuer, sign_in
from tests.support.postgres import TestDatabase

SPEC = {"device_id": "d", "kind": "power"}


@pytest.fixture(scope="module")
def shared_issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(shared_issuer: Issuer) -> Issuer:
    shared_issuer.changes, shared_issuer.signed = {}, None
    return shared_issuer


@pytest.fixture
async def signing_in(database: TestDatabase, tmp_path: Path, issuer: Issuer) -> AsyncIterator[RunningApi]:
    with running_api(api_settings(database, tmp_path, **login(issuer))) as running:
        async with running.http, running.reader:
            yield running


async def test_a_person_signs_in_acts_under_their_name_and_signs_out(signing_in: RunningApi) -> None:
    api = signing_in
    before = (await api.reader.get("/api/session")).json()
    assert (before["name"], before["scopes"], before["sign_in"]) == (None, [], "/api/session/sign-in")
    assert (await api.reader.get("/api/devices")).status_code == 401
    async with sign_in(api, "operator", "/?device=d") as browser:
        (cookie,) = [item for item in browser.cookies.jar if item.name == "session"]
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "lax"
        who = (await browser.get("/api/session")).json()
        assert (who["name"], who["role"], who["can_sign_out"]) == ("operator@example.com", "operator", True)
        assert (await browser.post("/api/devices", json=SPEC, headers=OURS)).status_code == 201
        assert (await browser.get("/api/audit")).status_code == 403
        events = (await api.http.get("/api/audit")).json()["items"]
        assert [(event["action"], event["actor"]) for event in events] == [
            ("device.register", "operator@example.com"),
            ("session.begin", "operator@example.com"),
        ]
        live = {"Cookie": f"session={cookie.value}", "Origin": PAGE}
        async with websockets.connect(api.live_url, additional_headers=live) as client:
            await client.send('{"type":"subscribe"}')
            assert '"snapshot"' in str(await client.recv())
        stolen = {"Cookie": f"session={cookie.value}"}
        assert (await browser.post("/api/session/sign-out", headers=OURS)).status_code == 204
        assert "session" not in {item.name for item in browser.cookies.jar}
        assert (await api.reader.get("/api/devices", headers=stolen)).status_code == 401


async def test_behind_tls_the_cookie_is_of_this_host_and_secure(
    database: TestDatabase, tmp_path: Path, issuer: Issuer
) -> None:
    issuer.redirect_uri = "https://platform.test/api/session/callback"
    settings = api_settings(database, tmp_path, **login(issuer) | {"PUBLIC_URL": "https://platform.test"})
    try:
        with running_api(settings) as api:
            async with api.http, api.reader:
                begun = await api.reader.get("/api/session/sign-in")
                flow = begun.headers["set-cookie"]
                assert flow.startswith("__Host-sign-in=")
                back = urlsplit(
                    (await api.reader.get(f"{begun.headers['location']}&login_hint=viewer")).headers["location"]
                )
                cookie = {"Cookie": flow.partition(";")[0]}
                finished = await api.reader.get(f"{back.path}?{back.query}", headers=cookie)
                (session,) = [c for c in finished.headers.get_list("set-cookie") if c.startswith("__Host-session=")]
                parts = {part.strip().lower() for part in session.split(";")}
                assert {"secure", "httponly", "path=/", "samesite=lax"} <= parts
                assert not any(part.startswith("domain") for part in parts)
    finally:
        issuer.redirect_uri = f"{PAGE}/api/session/callback"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://elsewhere.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=lambda headers: str(headers),
)
async def test_a_page_of_another_site_changes_nothing_under_a_persons_name(
    signing_in: RunningApi, headers: dict[str, str]
) -> None:
    async with sign_in(signing_in, "operator") as browser:
        for path in ("/api/devices", "/api/session/sign-out"):
            refused = await browser.post(path, json=SPEC, headers=headers)
            assert (refused.status_code, "a page of this site" in refused.text) == (403, True)
        assert (await browser.get("/api/session")).json()["name"] == "operator@example.com"


@pytest.mark.parametrize(
    "return_to",
    ["//elsewhere.test", "/\\elsewhere.test", "https://elsewhere.test", "elsewhere", "/a b", "/%0d%0aX: y\n"],
)
async def test_signing_in_leads_back_to_a_page_of_this_site_alone(signing_in: RunningApi, return_to: str) -> None:
    assert (await signing_in.reader.get("/api/session/sign-in", params={"return_to": return_to})).status_code == 422


async def test_what_another_browser_began_is_not_finished_here(signing_in: RunningApi) -> None:
    api = signing_in
    async with httpx.AsyncClient(base_url=api.url) as mine, httpx.AsyncClient(base_url=api.url) as theirs:
        callback = await come_back(theirs, "administrator")
        assert (await mine.get(callback)).status_code == 400, "no cookie of a flow"
        await come_back(mine, "viewer")
        assert (await mine.get(callback)).status_code == 400, "another state"
        assert (await theirs.get(callback)).status_code == 303
        again = await theirs.get(callback)
        assert again.status_code == 400, "the flow is over"
        refused = await mine.get("/api/session/callback", params={"error": "access_denied"})
        assert (refused.status_code, "access_denied" in refused.text) == (400, True)


async def test_a_code_is_worth_nothing_without_what_began_it(signing_in: RunningApi, issuer: Issuer) -> None:
    """Somebody who stole a code puts it into a flow of their own: PKCE and the nonce are another's."""
    api = signing_in
    async with httpx.AsyncClient(base_url=api.url) as thief, httpx.AsyncClient(base_url=api.url) as victim:
        stolen = parse_qs(urlsplit(await come_back(victim, "administrator")).query)["code"][0]
        own = parse_qs(urlsplit(await come_back(thief, "viewer")).query)["state"][0]
        answer = await thief.get("/api/session/callback", params={"code": stolen, "state": own, "iss": issuer.issuer})
        assert answer.status_code == 400


OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-client"},
        {"aud": ["sensor-analytics", "another-client"], "azp": "another-client"},
        {"iss": "https://elsewhere.test"},
        {"exp": 1},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
    ],
    ids=str,
)
async def test_an_id_token_that_is_not_for_us_and_now_signs_nobody_in(
    signing_in: RunningApi, issuer: Issuer, changes: dict[str, Any]
) -> None:
    issuer.changes = changes
    await refused(signing_in)


@pytest.mark.parametrize(
    "signed",
    [
        {"key": OTHER_KEY, "algorithm": "RS256"},
        {"key": "", "algorithm": "none"},
        {"key": "sensor-analytics-of-the-client-itself-32", "algorithm": "HS256"},
    ],
    ids=lambda signed: signed["algorithm"],
)
async def test_an_id_token_that_the_issuer_did_not_sign_signs_nobody_in(
    signing_in: RunningApi, issuer: Issuer, signed: dict[str, Any]
) -> None:
    issuer.signed = signed | {"headers": {"kid": issuer.key_id}}
    await refused(signing_in)


async def refused(api: RunningApi) -> None:
    async with httpx.AsyncClient(base_url=api.url) as browser:
        answer = await browser.get(await come_back(browser, "administrator"))
        assert (answer.status_code, "signing in failed" in answer.text) == (400, True), answer.text
        assert "session" not in {cookie.name for cookie in browser.cookies.jar}


@pytest.mark.parametrize(
    ("changes", "name", "role"),
    [
        ({"groups": ["viewers", "administrators", "others"]}, "viewer@example.com", "administrator"),
        ({"groups": ["others"]}, "viewer@example.com", "viewer"),
        ({"groups": "operators others"}, "viewer@example.com", "operator"),
        ({"groups": {"administrators": True}}, "viewer@example.com", "viewer"),
        ({"groups": None}, "viewer@example.com", "viewer"),
        ({"email_verified": False}, "viewer-1", "viewer"),
        ({"email": None}, "viewer-1", "viewer"),
        ({"email": "a\nb@example.com"}, "a?b@example.com", "viewer"),
    ],
    ids=str,
)
async def test_groups_make_the_role_and_a_confirmed_address_the_name(
    signing_in: RunningApi, issuer: Issuer, changes: dict[str, Any], name: str, role: str
) -> None:
    issuer.changes = changes
    async with sign_in(signing_in, "viewer") as browser:
        who = (await browser.get("/api/session")).json()
    assert (who["name"], who["role"]) == (name, role)


async def test_a_session_that_is_over_opens_nothing(signing_in: RunningApi, database: TestDatabase) -> None:
    owner = await database.connect()
    async with sign_in(signing_in, "viewer") as browser:
        await owner.execute("UPDATE sessions SET expires_at = now()")
        assert (await browser.get("/api/devices")).status_code == 401
        rows = str(await owner.fetch("SELECT * FROM sessions"))
        assert browser.cookies["session"] not in rows
    await owner.close()


async def test_an_administrator_ends_somebodys_session(signing_in: RunningApi) -> None:
    async with sign_in(signing_in, "viewer") as browser, sign_in(signing_in, "administrator") as other:
        listed = (await other.get("/api/sessions")).json()["items"]
        assert [session["name"] for session in listed] == ["administrator@example.com", "viewer@example.com"]
        assert browser.cookies["session"] not in str(listed)
        assert (await browser.get("/api/devices")).status_code == 200
        path = f"/api/sessions/{listed[1]['session_id']}"
        assert (await other.delete(path, headers=OURS)).status_code == 204
        assert (await browser.get("/api/devices")).status_code == 401
        assert (await other.delete(path, headers=OURS)).status_code == 404
        (event,) = (await other.get("/api/audit", params={"action": "session.end"})).json()["items"]
        assert (event["actor"], event["subject"]) == ("administrator@example.com", "viewer@example.com")


async def test_while_the_issuer_is_away_nobody_signs_in_and_who_has_stays(
    database: TestDatabase, tmp_path: Path
) -> None:
    with running_issuer() as issuer:
        settings = api_settings(database, tmp_path, **login(issuer))
        with running_api(settings) as api:
            async with sign_in(api, "viewer") as browser:
                cookies = browser.cookies
    with running_api(settings) as api:
        async with httpx.AsyncClient(base_url=api.url, cookies=cookies) as again:
            begun = await again.get("/api/session/sign-in")
            assert (begun.status_code, begun.headers["retry-after"]) == (503, "2")
            assert (await again.get("/api/devices")).status_code == 200


async def test_on_a_laptop_everybody_is_the_local_operator_by_a_local_name(
    database: TestDatabase, tmp_path: Path
) -> None:
    settings = api_settings(database, tmp_path, LOCAL_OPERATOR="local operator", ANONYMOUS="")
    with running_api(settings) as api:
        async with api.http, api.reader:
            who = (await api.reader.get("/api/session")).json()
            assert (who["name"], who["role"], who["can_sign_out"]) == ("local operator", "administrator", False)
            assert (await api.reader.post("/api/devices", json=SPEC, headers={"Origin": api.url})).status_code == 201
            assert (
                await api.reader.post("/api/devices", json=SPEC, headers={"Origin": "http://elsewhere.test"})
            ).status_code == 403
            assert (await api.reader.post("/api/devices", json=SPEC)).status_code == 403
            rebound = {"Host": "elsewhere.test", "Origin": "http://elsewhere.test"}
            assert (await api.reader.get("/api/devices", headers=rebound)).status_code == 401


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"LOCAL_OPERATOR": "me", "HTTP_HOST": "0.0.0.0"}, "listen on 127.0.0.1"),
        ({"LOGIN_ISSUER": "https://login.example.com"}, "belong together"),
        ({"LOGIN_ISSUER": "http://login.example.com", "LOGIN_CLIENT_ID": "c"}, "LOGIN_ISSUER"),
        ({"LOGIN_SIGNER": "arn", "LOGIN_KEYS_URL": "https://keys.example.com"}, "needs LOGIN_ISSUER"),
        ({"LOGIN_ROLES": '{"a": "king"}'}, "LOGIN_ROLES"),
        ({"ANONYMOUS": "administrator"}, "ANONYMOUS"),
    ],
)
def test_settings_that_contradict_each_other_are_told_before_anything_starts(
    environment: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load(SignInSettings, environment)
