"""Forged, replayed and mixed-up credentials: none is accepted. And no credential stands where it does not belong."""

import base64
import json
import logging
import random
import string
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from apps.gateway import credential_follower
from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.apps.api.test_load_balancer import BALANCER, CLIENT, ISSUER, Balancer, person, serving_keys
from tests.apps.gateway.test_credentials import running as running_gateway
from tests.platform.issuer import OURS, login, running_issuer, sign_in
from tests.platform.test_authorization import bearing, make_device, make_fleet_key, make_key
from tests.support.api import TOKEN
from tests.support.postgres import TestDatabase, programs

ALPHABET = string.ascii_letters + string.digits + "-_"
FEW, MANY = 300, 10_000

Forge = Callable[[random.Random], dict[str, str]]
"""Makes the headers of one attempt."""


def mutated(rng: random.Random, text: str) -> str:
    """Another text: a character changed, added, taken away, moved, or in the other case."""
    index = rng.randrange(len(text))
    wrong = rng.choice(
        [
            text[:index] + rng.choice(ALPHABET) + text[index + 1 :],
            text[:index] + rng.choice(ALPHABET + "=. ") + text[index:],
            text[:index] + text[index + 1 :],
            text[:index],
            text[index:] + text[:index],
            text.swapcase(),
            text + text,
            text.replace("_", "-", 1),
        ]
    )
    wrong = wrong.strip()
    return wrong if wrong and wrong != text else mutated(rng, text)


def random_text(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(ALPHABET) for _ in range(length))


def forge_keys(first: str, second: str, revoked: str, cookie: str) -> Forge:
    def forge(rng: random.Random) -> dict[str, str]:
        key, another = rng.sample([first, second, revoked], 2)
        prefix, key_id, _ = key.split("_", 2)
        return bearing(
            rng.choice(
                [
                    mutated(rng, key),
                    mutated(rng, TOKEN),
                    f"{prefix}_{key_id}_{another.split('_', 2)[2]}",
                    f"{prefix}_{key_id}_{random_text(rng, 43)}",
                    f"{prefix}_{rng.randbytes(6).hex()}_{key.split('_', 2)[2]}",
                    f"{key} {another}",
                    revoked,
                    cookie,
                ]
            )
        )

    return forge


def forge_cookies(first: str, second: str, ended: str, key: str) -> Forge:
    def forge(rng: random.Random) -> dict[str, str]:
        session = rng.choice([first, second])
        value = rng.choice([mutated(rng, session), random_text(rng, 43), ended, key, TOKEN, first[:20] + second[20:]])
        name = rng.choice(["session", "session", "__Host-session", "sign-in"])
        if name != "session":
            value = session
        return {"Cookie": f"{name}={value}", **OURS}

    return forge


def forge_words(balancer: Balancer) -> Forge:
    """What a load balancer might have said: parts of true words put together anew, and changed."""
    words = [balancer.token(person()), balancer.token(person(sub="2", groups=["administrators"]))]
    keys = ("signer", "client", "iss", "kid", "alg", "exp")

    def forge(rng: random.Random) -> dict[str, str]:
        parts, others = rng.sample([word.split(".") for word in words], 2)
        changed = json.loads(base64.urlsafe_b64decode(parts[0])) | {
            rng.choice(keys): rng.choice([None, "", "none", 0, "HS256", mutated(rng, BALANCER), [BALANCER], {}])
        }
        header = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode()
        word = rng.choice(
            [
                ".".join([parts[0], others[1], parts[2]]),
                ".".join([parts[0], parts[1], others[2]]),
                ".".join([header, parts[1], parts[2]]),
                ".".join([parts[0], parts[1], ""]),
                ".".join(parts[:2]),
                ".".join([parts[0], mutated(rng, parts[1]), parts[2]]),
                ".".join([parts[0], parts[1], random_text(rng, 86) + "=="]),
            ]
        )
        return {"x-amzn-oidc-data": word}

    return forge


@pytest.fixture(params=[FEW, pytest.param(MANY, marks=[pytest.mark.generated, pytest.mark.timeout(1800)])])
def attempts(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


Attempt = Callable[[random.Random], tuple[str, str]]
"""Makes a credential, and the device that it is to be good for."""


def forge_credentials(live: Mapping[str, str], dead: Sequence[str], others: Sequence[str]) -> Attempt:
    """What devices might send: parts of genuine credentials put together anew, changed, revoked, or of another kind."""

    def forge(rng: random.Random) -> tuple[str, str]:
        device, other = rng.sample(sorted(live), 2)
        text, foreign = live[device], live[other]
        return device, rng.choice(
            [
                foreign,
                mutated(rng, text),
                mutated(rng, text),
                text[:21] + foreign[21:],
                foreign[:21] + text[21:],
                text.replace("sad", "saf"),
                f"{text} {foreign}",
                f"sad_{rng.randbytes(8).hex()}_{text[21:]}",
                f"{text[:21]}{sha256(text.encode()).hexdigest()}",
                f"{text[:21]}{'0' * 64}",
                *dead,
                *others,
            ]
        )

    return forge


def ask(api: RunningApi, forge: Forge, attempts: int) -> Iterator[tuple[dict[str, str], str]]:
    """Yield what let somebody in."""
    rng = random.Random(f"{attempts} forged")
    with httpx.Client(base_url=api.url, timeout=30) as client:
        for _ in range(attempts):
            headers = forge(rng)
            answer = client.get("/api/devices", headers=headers)
            if answer.status_code != 401:
                yield headers, f"{answer.status_code} {answer.text[:200]}"


async def test_no_forged_key_lets_anybody_in(database: TestDatabase, tmp_path: Path, attempts: int) -> None:
    with running_issuer() as issuer, running_api(api_settings(database, tmp_path, **login(issuer))) as api:
        async with api.http, api.reader, sign_in(api, "administrator") as browser:
            first, _ = await make_key(api, "devices:read")
            second, _ = await make_key(api, "devices:read", "audit:read")
            revoked, key_id = await make_key(api, "devices:read")
            assert (await api.http.delete(f"/api/keys/{key_id}")).status_code == 204
            cookie = browser.cookies["session"]
            assert list(ask(api, forge_keys(first, second, revoked, cookie), attempts)) == []
            for key in (first, second):
                assert (await api.reader.get("/api/devices", headers=bearing(key))).status_code == 200


async def test_no_forged_cookie_lets_anybody_in(database: TestDatabase, tmp_path: Path, attempts: int) -> None:
    with running_issuer() as issuer, running_api(api_settings(database, tmp_path, **login(issuer))) as api:
        async with (
            api.http,
            api.reader,
            sign_in(api, "viewer") as viewer,
            sign_in(api, "administrator") as administrator,
        ):
            async with sign_in(api, "operator") as third:
                ended = third.cookies["session"]
                assert (await third.post("/api/session/sign-out", headers=OURS)).status_code == 204
            key, _ = await make_key(api, "devices:read")
            forge = forge_cookies(viewer.cookies["session"], administrator.cookies["session"], ended, key)
            assert list(ask(api, forge, attempts)) == []
            assert (await viewer.get("/api/devices")).status_code == 200


async def test_no_forged_word_of_a_load_balancer_lets_anybody_in(
    database: TestDatabase, tmp_path: Path, attempts: int
) -> None:
    balancer = Balancer()
    with serving_keys(balancer) as keys:
        signer = {"LOGIN_ISSUER": ISSUER, "LOGIN_CLIENT_ID": CLIENT, "LOGIN_SIGNER": BALANCER, "LOGIN_KEYS_URL": keys}
        with running_api(api_settings(database, tmp_path, **signer, ANONYMOUS="")) as api:
            async with api.http, api.reader:
                assert list(ask(api, forge_words(balancer), attempts)) == []
                true = {"x-amzn-oidc-data": balancer.token(person())}
                assert (await api.reader.get("/api/devices", headers=true)).status_code == 200


async def test_no_forged_credential_of_a_device_lets_anybody_in(
    database: TestDatabase, tmp_path: Path, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a gateway, which asks the database for each that it does not know, and at the API."""
    monkeypatch.setattr(credential_follower, "ASK_SECONDS", 0.001)
    wrong: list[tuple[object, ...]] = []
    rng, reading = random.Random(f"{attempts} devices"), b'[{"metric": "m", "ts": "2026-11-26T00:00:00Z"}]'
    with running_api(api_settings(database, tmp_path)) as api, running_gateway(database, tmp_path) as gateway:
        async with api.http, api.reader:
            live = {name: (await make_device(api, name))[0] for name in ("one", "other", "third")}
            ended, of_the_ended = await make_device(api, "ended")
            assert (await api.http.delete(f"/api/devices/ended/credentials/{of_the_ended}")).status_code == 200
            gone, _ = await make_device(api, "gone")
            assert (await api.http.delete("/api/devices/gone")).status_code == 204
            fleet, _ = await make_fleet_key(api)
            revoked, key_id = await make_fleet_key(api)
            assert (await api.http.delete(f"/api/fleet-keys/{key_id}")).status_code == 204
            key, _ = await make_key(api, "devices:write")
            forge = forge_credentials(live, [ended, gone], [fleet, key, TOKEN])
            with httpx.Client(timeout=60) as client:

                def sent_to(receiver: str, text: str, device: str) -> httpx.Response:
                    headers = bearing(text)
                    if receiver == "gateway":
                        return client.put(f"{gateway}/ingest/{device}", content=reading, headers=headers)
                    if receiver == "device":
                        return client.get(f"{api.url}/api/device", headers=headers)
                    new = {"device_id": "new", "kind": "pump"}
                    return client.post(f"{api.url}/api/provision", json=new, headers=headers)

                for _ in range(attempts):
                    device, text = forge(rng)
                    receiver = rng.choice(["gateway", "device", "provision"])
                    if receiver == "device" and text in live.values():
                        continue  # it is its own device's: the API asks for no other name
                    if receiver == "provision":
                        text = rng.choice([mutated(rng, fleet), revoked, text, fleet.replace("saf", "sad")])
                        if text == fleet:
                            continue
                    answer = sent_to(receiver, text, device)
                    if answer.status_code not in {401, 403}:
                        wrong.append((receiver, device, text, answer.status_code, answer.text[:200]))
                assert wrong == []
                for device, text in live.items():
                    # A reading without a value is not acceptable, but whose it is was accepted.
                    assert sent_to("gateway", text, device).status_code == 422
                    assert sent_to("device", text, device).status_code == 200
            assert (await api.http.get("/api/devices/new")).status_code == 404


async def test_no_credential_stands_in_a_log_or_a_dump(
    database: TestDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything is done once with every kind of credential; then all that was written down is searched."""
    caplog.set_level(logging.DEBUG)
    with running_issuer() as issuer, running_api(api_settings(database, tmp_path, **login(issuer))) as api:
        async with api.http, api.reader, sign_in(api, "administrator") as browser:
            key, key_id = await make_key(api, "devices:read")
            cookie = browser.cookies["session"]
            for headers in (bearing(key), bearing(key + "x"), bearing(TOKEN)):
                await api.reader.get("/api/devices", headers=headers)
            await browser.post("/api/devices", json={"device_id": "d", "kind": "power"}, headers=OURS)
            await api.http.delete(f"/api/keys/{key_id}")
            metrics = (await api.reader.get("/metrics")).text
    dumped = dump(database)
    # The test's own clients write down what they send.
    clients = ("httpx", "httpcore", "websockets.client")
    logged = "\n".join(str(record.__dict__) for record in caplog.records if not record.name.startswith(clients))
    assert "device.register" in logged
    assert "device.register" in dumped
    for where, written in (("log", logged), ("dump", dumped), ("metrics", metrics)):
        for secret in (key.split("_", 2)[2], cookie, TOKEN):
            for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()):
                assert form not in written, f"a credential stands in the {where}"


def dump(database: TestDatabase) -> str:
    environment = database.environment()
    where = ("-h", environment["DATABASE_HOST"], "-p", environment["DATABASE_PORT"], "-U", "owner", database.name)
    password = Path(environment["DATABASE_PASSWORD_FILE"]).read_text().strip()
    done = subprocess.run(
        [programs() / "pg_dump", "--inserts", *where], env={"PGPASSWORD": password}, capture_output=True, check=True
    )
    return done.stdout.decode()
