"""Forged, replayed and mixed-up credentials: none is good for anything, whatever was taken from genuine ones."""

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from apps.domain.credentials import Credential, CredentialKind
from apps.domain.signing import SigningKeys, presign, verify
from apps.gateway.authorisation import Authorisation
from apps.gateway.known_credentials import KnownCredentials
from apps.gateway.settings import GatewaySettings
from apps.platform.errors import ProblemError
from apps.storage.credentials import ChangedCredential, Changes

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DEVICES = [f"device-{number}" for number in range(4)]
KEYS = SigningKeys("k", {"k": b"s" * 32})


def new_credential() -> Credential:
    return Credential.make(CredentialKind.DEVICE, os.urandom)


LIVE = {device: new_credential() for device in DEVICES}
REVOKED = {device: new_credential() for device in DEVICES}
EXPIRED = {device: new_credential() for device in DEVICES}
FLEET = Credential.make(CredentialKind.FLEET, os.urandom)
GENERATION = 3


def known() -> KnownCredentials:
    """What a gateway knows of all of them; the URLs of every device are of the third generation."""
    changed = [
        ChangedCredential(credential.credential_id, device, credential.digest, expires_at, is_revoked)
        for held, expires_at, is_revoked in (
            (LIVE, None, False),
            (REVOKED, None, True),
            (EXPIRED, NOW - timedelta(seconds=1), False),
        )
        for device, credential in held.items()
    ]
    state = KnownCredentials(100)
    state.apply(Changes(1, is_everything=True, credentials=changed, generations=dict.fromkeys(DEVICES, GENERATION)))
    state.confirm()
    return state


class Keys:
    def read(self) -> SigningKeys:
        return KEYS


class Follower:
    """The database knows no more than the gateway does."""

    async def refresh(self) -> None:
        return

    def note_use(self, credential_id: str) -> None:
        return


CHOSEN: dict[str, Any] = {"when_revocations_are_unknown": "refuse", "revocations_max_age_seconds": 1e9}
SETTINGS = GatewaySettings.model_construct(**CHOSEN)
GATEWAY: Any = Authorisation(SETTINGS, Keys(), known(), Follower(), lambda: NOW)  # type: ignore[arg-type]


async def device_of(path: str, query: str, authorization: str | None, method: str = "PUT") -> str:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    scope = {
        "type": "http",
        "method": method,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": headers,
        "path_params": {"device_id": path.rpartition("/")[2]},
    }
    device_id: str = await GATEWAY.device_of(Request(scope))
    return device_id


def forged(rng: random.Random) -> str:
    """Return a credential that was made of genuine ones."""
    device, other = rng.sample(DEVICES, 2)
    text, foreign = LIVE[device].text, LIVE[other].text
    at = rng.randrange(len(text))
    forgeries = [
        lambda: text[:at] + rng.choice("0123456789abcdefABCDEFxyz_- ") + text[at + 1 :],
        lambda: text[:at],
        lambda: text[at:],
        lambda: text + rng.choice("0_ \t"),
        lambda: text.upper(),
        lambda: text[:21] + foreign[21:],
        lambda: foreign[:21] + text[21:],
        lambda: text.replace("sad", "saf"),
        lambda: f"{text} {foreign}",
        lambda: f"sad_{LIVE[device].credential_id}_{LIVE[device].digest.hex()}",
        lambda: f"sad_{LIVE[device].credential_id}_{'0' * 64}",
        lambda: f"sad_{rng.randbytes(8).hex()}_{text[21:]}",
        lambda: REVOKED[device].text,
        lambda: EXPIRED[device].text,
        lambda: FLEET.text,
        lambda: new_credential().text,
    ]
    return rng.choice(forgeries)()


@pytest.mark.generated
@given(st.integers(0, 2**64))
async def test_no_forged_credential_is_let_in(seed: int) -> None:
    rng = random.Random(seed)
    text, genuine = forged(rng), {credential.text for credential in LIVE.values()}
    device = rng.choice(DEVICES)
    if text.strip() in genuine:
        return
    url = presign(KEYS, device, NOW + timedelta(hours=1), GENERATION).partition("?")[2]
    for query in ("", url):
        with pytest.raises(ProblemError) as refused:
            await device_of(f"/ingest/{device}", query, f"Bearer {text}")
        assert refused.value.status_code in {401, 403}
        assert len(text) < 30 or text not in str(refused.value.detail)


@pytest.mark.generated
@given(st.sampled_from(DEVICES), st.sampled_from(DEVICES), st.integers(0, 6), st.sampled_from([LIVE, REVOKED, None]))
async def test_a_url_is_let_in_while_neither_it_nor_its_credential_is_revoked(
    device: str, sender: str, generation: int, held: dict[str, Credential] | None
) -> None:
    asked_by = None if held is None else held[device].credential_id
    path, _, query = presign(KEYS, device, NOW + timedelta(hours=1), generation, asked_by).partition("?")
    assert verify(KEYS, "PUT", path, query, NOW).device_id == device
    is_good = generation >= GENERATION and held is not REVOKED
    for authorization in (None, f"Bearer {LIVE[sender].text}"):
        may = is_good and (authorization is None or sender == device)
        if may:
            assert await device_of(path, query, authorization) == device
        else:
            with pytest.raises(ProblemError) as refused:
                await device_of(path, query, authorization)
            assert refused.value.status_code == 403


async def test_genuine_credentials_are_let_in() -> None:
    for device in DEVICES:
        assert await device_of(f"/ingest/{device}", "", f"Bearer {LIVE[device].text}", "POST") == device
