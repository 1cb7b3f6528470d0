"""Sessions of people whom the API signed in: a cookie that nobody can guess, and a row that ends with signing out."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from apps.api.database import Database, Row
from apps.api.short_memory import ShortMemory
from apps.api.sign_in.people import Person
from apps.domain.readings import Time
from apps.storage.tables import sessions

LIFETIME = timedelta(hours=12)
REMEMBERED_SECONDS = 5.0
"""A session that was ended at another replica is let in here for no longer."""
MAX_COOKIE = 100


class Session(msgspec.Struct, frozen=True):
    """Somebody who has signed in here."""

    session_id: str
    """The beginning of the hash of the cookie, which opens nothing."""
    name: str
    groups: list[str]
    created_at: datetime
    expires_at: datetime


class SessionOrder(NamedTuple):
    """What the list is sorted by."""

    created_at: Time
    session_id: str


class Sessions:
    """The sessions. A cookie's value is kept as its SHA-256 alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people: ShortMemory[bytes, Person] = ShortMemory(REMEMBERED_SECONDS)

    async def begin(self, person: Person) -> str:
        """Return the value of a new session's cookie. Sessions that are over are forgotten meanwhile."""
        value = secrets.token_urlsafe(32)
        await self._database.run(sa.delete(sessions).where(sessions.c.expires_at < sa.func.now()))
        await self._database.run(
            sa.insert(sessions).values(
                session_hash=_hash(value),
                subject=person.subject,
                name=person.name,
                groups=list(person.groups),
                expires_at=sa.func.now() + LIFETIME,
            )
        )
        return value

    async def find(self, value: str) -> Person | None:
        """Return whose session it is; None when it is none, or none any more."""
        if len(value) > MAX_COOKIE:
            return None
        key = _hash(value)
        if (person := self._people.recall(key)) is None:
            is_valid = (sessions.c.session_hash == key) & (sessions.c.expires_at > sa.func.now())
            row = await self._database.row(sa.select(sessions).where(is_valid))
            if row is None:
                return None
            person = Person(row["subject"], row["name"], tuple(row["groups"]))
            self._people.keep(key, person)
        return person

    async def end(self, value: str) -> None:
        """End a session: its cookie opens nothing any more."""
        await self._delete(sessions.c.session_hash == _hash(value))

    async def end_by_id(self, session_id: str) -> Session | None:
        """End somebody's session and return it; None where there is none."""
        return await self._delete(_public_id == session_id)

    async def newest(self, limit: int, after: SessionOrder | None) -> list[Session]:
        """Return at most `limit` sessions that are not over, the newest first."""
        query = sa.select(sessions, _public_id.label("session_id")).where(sessions.c.expires_at > sa.func.now())
        if after is not None:
            query = query.where(sa.tuple_(sessions.c.created_at, _public_id) < sa.tuple_(*map(sa.literal, after)))
        query = query.order_by(sessions.c.created_at.desc(), _public_id.desc()).limit(limit)
        return [_session(row) for row in await self._database.rows(query)]

    async def _delete(self, which: sa.ColumnElement[bool]) -> Session | None:
        query = sa.delete(sessions).where(which).returning(sessions, _public_id.label("session_id"))
        row = await self._database.row(query)
        self._people.clear()
        return None if row is None else _session(row)


def _session(row: Row) -> Session:
    return Session(row["session_id"], row["name"], list(row["groups"]), row["created_at"], row["expires_at"])


def _hash(value: str) -> bytes:
    # The index finds it by its hash: how far two hashes agree tells nothing of the value.
    return hashlib.sha256(value.encode()).digest()


_public_id: sa.ColumnElement[str] = sa.func.left(sa.func.encode(sessions.c.session_hash, "hex"), 16)
