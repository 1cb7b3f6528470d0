"""Sessions of people whom the API signed in: a cookie that nobody can guess, and a row that ends with signing out."""

import hashlib
import secrets
from datetime import timedelta

import sqlalchemy as sa

from apps.api.database import Database
from apps.api.short_memory import ShortMemory
from apps.api.sign_in.people import Person
from apps.storage.tables import sessions

LIFETIME = timedelta(hours=12)
REMEMBERED_SECONDS = 5.0
"""A session that was ended at another replica is let in here for no longer."""
MAX_COOKIE = 100


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
        await self._database.run(sa.delete(sessions).where(sessions.c.session_hash == _hash(value)))
        self._people.clear()


def _hash(value: str) -> bytes:
    # The index finds it by its hash: how far two hashes agree tells nothing of the value.
    return hashlib.sha256(value.encode()).digest()
