"""What a gateway takes by a credential or a URL, and what it knows of revocations: with the database, without it, after
a restart, and at two gateways."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from apps.domain.credentials import Credential, CredentialKind
from apps.domain.signing import presign
from apps.gateway import credential_follower
from apps.gateway.app import create
from apps.gateway.settings import GatewaySettings
from apps.platform.settings import load
from apps.storage import credentials
from apps.storage.credentials import CredentialOrigin
from devtools.postgres import Postgres
from tests.apps.gateway.support import SIGNING, FaultyKinesis, PutFault, as_client, body, environment
from tests.support import postgres
from tests.support.postgres import TestDatabase
from tests.support.serving import serving

NOBODY = CredentialOrigin("test")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that a test waits for little."""
    monkeypatch.setattr(credential_follower, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(credential_follower, "ASK_SECONDS", 0.02)
    monkeypatch.setattr(credential_follower, "USES_SECONDS", 0.0)


@contextmanager
def running(database: TestDatabase, folder: Path, name: str = "one", **changes: str) -> Iterator[str]:
    here = folder / name
    here.mkdir(exist_ok=True)
    given = environment(here) | database.environment("gateway") | {"WHEN_REVOCATIONS_ARE_UNKNOWN": "refuse"} | changes
    settings = load(GatewaySettings, given)
    with serving(create(settings, as_client(FaultyKinesis(PutFault)))) as base:
        yield base


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect()
    yield connection
    await connection.close()


async def issue(owner: asyncpg.Connection, device_id: str = "d", **options: Any) -> Credential:
    credential = Credential.make(CredentialKind.DEVICE, os.urandom)
    await credentials.issue(owner, device_id, credential, NOBODY, **options)
    return credential


def send(base: str, text: str, device_id: str = "d", method: str = "PUT", query: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {text}"}
    return httpx.request(method, f"{base}/ingest/{device_id}{query}", content=body(), headers=headers, timeout=20)


def url(device_id: str = "d", generation: int = 0, credential: Credential | None = None) -> str:
    expires = datetime.now(UTC) + timedelta(hours=1)
    return presign(SIGNING, device_id, expires, generation, None if credential is None else credential.credential_id)


def put(base: str, path: str) -> int:
    return httpx.put(base + path, content=body(), timeout=20).status_code


def is_ready(base: str) -> bool:
    return httpx.get(f"{base}/ready").status_code == 200


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def status_becomes(wanted: int, ask: Callable[[], int]) -> None:
    async def is_so() -> bool:
        return await asyncio.to_thread(ask) == wanted

    await until(is_so)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_device_sends_with_its_credential_at_once(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection, method: str
) -> None:
    with running(database, tmp_path) as base:
        for _ in range(3):
            # Made while the gateway runs: it may not have looked since.
            credential = await issue(owner, revoke_others=True)
            answer = await asyncio.to_thread(send, base, credential.text, method=method)
            assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


async def test_a_credential_is_good_for_its_own_device_and_beside_a_url_for_the_same(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    mine, other = await issue(owner), await issue(owner, "e")
    with running(database, tmp_path) as base:
        query = url().partition("/ingest/d")[2]
        assert send(base, mine.text, query=query).status_code == 202
        assert send(base, other.text, query=query).status_code == 403
        assert send(base, other.text).status_code == 403
        assert send(base, mine.text, query=query[:-1] + "x").status_code == 403
        assert send(base, mine.text, "e").status_code == 403


async def test_what_is_revoked_is_refused_at_every_gateway_and_nothing_else_is(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    leaked, valid, other = await issue(owner), await issue(owner), await issue(owner, "e")
    with running(database, tmp_path) as first, running(database, tmp_path, "two") as second:
        by_leaked, by_valid, by_person = url(credential=leaked), url(credential=valid), url()
        for base in (first, second):
            assert send(base, leaked.text).status_code == 202
            assert [put(base, path) for path in (by_leaked, by_valid, by_person)] == [202] * 3
        await credentials.revoke(owner, "d", leaked.credential_id)
        for base in (first, second):
            await status_becomes(401, lambda base=base: send(base, leaked.text).status_code)  # type: ignore[misc]
            assert [put(base, path) for path in (by_leaked, by_valid, by_person)] == [403, 202, 202]
            assert send(base, valid.text).status_code == 202
        assert await credentials.void_urls(owner, "d") == 1
        for base in (first, second):
            await status_becomes(403, lambda base=base: put(base, by_valid))  # type: ignore[misc]
            assert put(base, by_person) == 403
            assert put(base, url(generation=1, credential=valid)) == 202
            assert send(base, valid.text).status_code == 202
            assert put(base, url("e", credential=other)) == 202
        await credentials.revoke_device(owner, "d")
        for base in (first, second):
            await status_becomes(401, lambda base=base: send(base, valid.text).status_code)  # type: ignore[misc]
            assert put(base, url(generation=1)) == 403
            assert send(base, other.text, "e").status_code == 202


async def test_a_credential_that_has_expired_is_refused(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    credential = await issue(owner, expires_at=datetime.now(UTC) + timedelta(seconds=3))
    with running(database, tmp_path) as base:
        assert send(base, credential.text).status_code == 202
        await status_becomes(401, lambda: send(base, credential.text).status_code)


async def test_uses_are_noted(database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection) -> None:
    credential = await issue(owner)
    with running(database, tmp_path) as base:
        send(base, credential.text)

        async def is_noted() -> bool:
            (record,) = await credentials.of_device(owner, "d")
            return record.first_used_at is not None

        await until(is_noted)


async def test_without_the_database_what_was_known_holds_and_what_is_new_waits(
    own_server: Postgres, tmp_path: Path
) -> None:
    database = await postgres.copy_template(own_server)
    owner = await database.connect()
    good, bad, late = await issue(owner), await issue(owner, "bad"), Credential.make(CredentialKind.DEVICE, os.urandom)
    await credentials.revoke(owner, "bad", bad.credential_id)
    await owner.close()
    with running(database, tmp_path) as base:
        assert send(base, good.text).status_code == 202
        await asyncio.to_thread(own_server.stop)
        assert send(base, good.text).status_code == 202
        assert send(base, bad.text, "bad").status_code == 401
        assert put(base, url("anybody")) == 202
        assert put(base, url("bad", credential=bad)) == 403
        answer = send(base, late.text)
        assert (answer.status_code, "database" in answer.json()["detail"]) == (503, True)
        assert 1 <= int(answer.headers["retry-after"]) <= 5
    # Started anew meanwhile, by what the one before it kept.
    with running(database, tmp_path) as base:
        assert is_ready(base)
        assert send(base, good.text).status_code == 202
        assert put(base, url("bad", credential=bad)) == 403
    saved = (tmp_path / "one" / "knowledge").read_bytes()
    assert good.text.rpartition("_")[2].encode() not in saved
    assert (tmp_path / "one" / "knowledge").stat().st_mode & 0o077 == 0
    # One that knows nothing lets nobody in, unless it is told to.
    with running(database, tmp_path, "new") as base:
        assert put(base, url()) == 503
        assert not is_ready(base)
        await asyncio.to_thread(own_server.start)
        await status_becomes(202, lambda: put(base, url()))
        assert put(base, url("bad", credential=bad)) == 403
        assert is_ready(base)
        await asyncio.to_thread(own_server.stop)
    with running(database, tmp_path, "trusting", WHEN_REVOCATIONS_ARE_UNKNOWN="accept") as base:
        assert put(base, url()) == 202
        assert send(base, good.text).status_code == 503


async def test_what_another_database_told_is_not_believed(
    database: TestDatabase, tmp_path: Path, owner: asyncpg.Connection
) -> None:
    await issue(owner)
    with running(database, tmp_path) as base:
        await status_becomes(202, lambda: put(base, url()))
    for content in ((tmp_path / "one" / "knowledge").read_bytes(), b"", b"\xff\x00broken"):
        (tmp_path / "one" / "knowledge").write_bytes(content)
        with running(database, tmp_path, DATABASE_PORT="9") as base:
            assert put(base, url()) == 503
