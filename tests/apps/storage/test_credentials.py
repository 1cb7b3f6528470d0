"""Who follows the changes of credentials misses none, whoever makes them at once; and what goes by itself."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from apps.domain.credentials import Credential, CredentialKind
from apps.storage import access_upkeep, credentials
from apps.storage.credentials import CredentialOrigin
from apps.storage.errors import CredentialsInUseError
from tests.support.migrations import in_transaction
from tests.support.postgres import TestDatabase

NOBODY = CredentialOrigin("test")


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect()
    yield connection
    await connection.close()


def new() -> Credential:
    return Credential.make(CredentialKind.DEVICE, os.urandom)


async def test_changes_are_seen_in_their_order_and_none_is_missed(database: TestDatabase) -> None:
    issued: dict[str, Credential] = {}

    async def writer(number: int) -> None:
        connection = await database.connect("api")
        for count in range(20):
            credential = new()
            await credentials.issue(connection, f"d{number}-{count}", credential, NOBODY)
            issued[credential.credential_id] = credential
            if count % 3 == 0:
                await credentials.revoke(connection, f"d{number}-{count}", credential.credential_id)
            if count % 4 == 0:
                await credentials.void_urls(connection, f"d{number}")
        await connection.close()

    seen: dict[str, bool] = {}
    generations: dict[str, int] = {}
    follower = await database.connect("gateway")
    version: int | None = None
    writing = asyncio.gather(*map(writer, range(4)))
    while True:
        ended = writing.done()
        changes = await credentials.changes(follower, version)
        if changes is not None:
            assert changes.is_everything == (version is None)
            version = changes.version
            seen |= {change.credential_id: change.is_revoked for change in changes.credentials}
            generations |= changes.generations
        if ended:
            break
    await writing
    everything = await credentials.changes(follower, None)
    await follower.close()
    assert everything is not None
    assert seen == {change.credential_id: change.is_revoked for change in everything.credentials}
    assert seen.keys() == issued.keys()
    assert generations == everything.generations == {f"d{number}": 5 for number in range(4)}


async def test_a_database_that_was_set_back_is_read_anew(owner: asyncpg.Connection) -> None:
    await credentials.issue(owner, "d", new(), NOBODY)
    changes = await credentials.changes(owner, 99)
    assert changes is not None
    assert (changes.is_everything, len(changes.credentials)) == (True, 1)
    assert await credentials.changes(owner, changes.version) is None


async def test_many_that_ask_at_once_get_two_at_most(database: TestDatabase, owner: asyncpg.Connection) -> None:
    for _ in range(2):
        credential = new()
        await credentials.issue(owner, "d", credential, NOBODY)
        await credentials.record_uses(owner, {credential.credential_id: datetime.now(UTC)})

    async def ask() -> bool:
        connection = await database.connect("api")
        try:
            await credentials.issue(connection, "d", new(), NOBODY)
        except CredentialsInUseError:
            return False
        finally:
            await connection.close()
        return True

    assert not any(await asyncio.gather(*(ask() for _ in range(8))))
    assert sum(stored.is_live for stored in await credentials.of_device(owner, "d")) == 2


async def test_the_gateway_may_note_uses_and_change_nothing(database: TestDatabase, owner: asyncpg.Connection) -> None:
    credential = new()
    await credentials.issue(owner, "d", credential, NOBODY)
    gateway = await database.connect("gateway")
    first, later = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    for at in (first, later, first + timedelta(hours=1)):
        await credentials.record_uses(gateway, {credential.credential_id: at})
    (record,) = await credentials.of_device(owner, "d")
    assert (record.first_used_at, record.last_used_at) == (first, later)
    for statement in (
        "UPDATE device_credentials SET revoked_at = NULL",
        "DELETE FROM upload_generations",
        "UPDATE credential_changes SET version = 0",
        "SELECT * FROM devices",
        "SELECT * FROM fleet_keys",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await gateway.execute(statement)
    await gateway.close()


async def test_the_old_one_ends_a_day_after_the_new_one_was_first_used(
    database: TestDatabase, owner: asyncpg.Connection
) -> None:
    old, successor, now = new(), new(), datetime.now(UTC)
    await credentials.issue(owner, "d", old, NOBODY)
    await credentials.issue(owner, "d", successor, CredentialOrigin("d", replaces=old.credential_id))

    async def end(at: datetime) -> int:
        return await in_transaction(database, lambda connection: access_upkeep.end_replaced(connection, at))

    assert await end(now + timedelta(days=9)) == 0  # the device may not have got it
    await credentials.record_uses(owner, {successor.credential_id: now})
    assert await end(now + timedelta(hours=23)) == 0
    before = await credentials.changes(owner, None)
    assert before is not None
    # The database's own clock says what is live.
    await owner.execute("UPDATE credential_uses SET first_used_at = first_used_at - interval '25 hours'")
    assert await end(now) == 1
    changes = await credentials.changes(owner, before.version)
    assert changes is not None
    assert [credential.credential_id for credential in changes.credentials] == [old.credential_id]
    assert [credential.is_live for credential in await credentials.of_device(owner, "d")] == [False, True]
    assert await end(now + timedelta(days=2)) == 0


async def test_what_ended_long_ago_is_forgotten(database: TestDatabase, owner: asyncpg.Connection) -> None:
    await owner.execute("INSERT INTO devices (device_id, kind) VALUES ('d', 'pump')")
    for device_id in ("d", "gone"):
        await credentials.issue(owner, device_id, new(), NOBODY)
        await credentials.revoke_device(owner, device_id)
    live = new()
    await credentials.issue(owner, "d", live, NOBODY)

    async def forget(days: float) -> int:
        at = datetime.now(UTC) + timedelta(days=days)
        return await in_transaction(database, lambda connection: access_upkeep.forget_ended(connection, at))

    assert await forget(7.5) == 0
    assert await forget(9) == 1  # the generation of the device that is gone
    assert await credentials.generation(owner, "gone") == 0
    assert await credentials.generation(owner, "d") == 1
    assert await forget(31) == 2
    assert [credential.credential_id for credential in await credentials.of_device(owner, "d")] == [live.credential_id]
