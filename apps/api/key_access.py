"""Programs let in by their key, and the operator's token, which is the first administrator's key."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from apps.api import keys as key_text
from apps.api.caller import Caller, unauthorized
from apps.api.database import Database
from apps.api.permissions import ALL_SCOPES
from apps.api.queries import keys
from apps.api.queries.keys import StoredKey
from apps.api.short_memory import ShortMemory
from apps.platform.secrets import ReloadingSecret

MIN_TOKEN_LENGTH = 16
REMEMBERED_SECONDS = 5.0
"""A key that was revoked at another replica is let in here for no longer."""
TOUCHED_EVERY = timedelta(minutes=1)


class KeyAccess:
    """Finds out whose key it is.

    `operator_token`: a file with a bearer token that is an administrator's key, so that there is one before anybody has
    signed in. One that is rotated in its file is valid at once. It stands in the list of keys once it was used, and
    whoever revokes it there has thrown it away.
    """

    def __init__(self, database: Database, operator_token: Path) -> None:
        self._database = database
        self._operator_token = ReloadingSecret(operator_token, _parse)
        self._callers: ShortMemory[tuple[bytes, bool], Caller] = ShortMemory(REMEMBERED_SECONDS)

    async def identify(self, token: str) -> Caller:
        """Return whose key it is. Raises ProblemError 401 when it is none, or none any more."""
        operator = self._operator_token.read()
        is_operator = hmac.compare_digest(token.encode(), operator.token)
        remembered = key_text.hash_of(token), is_operator
        if (caller := self._callers.recall(remembered)) is not None:
            return caller
        stored = await (self._operator_key(operator) if is_operator else self._key(token))
        if stored is None or not stored.is_valid:
            raise unauthorized("the key is not valid")
        key = stored.key
        if key.last_used_at is None or datetime.now(UTC) - key.last_used_at > TOUCHED_EVERY:
            await keys.touch(self._database, key.key_id)
        caller = Caller(
            f"{key.name} (key {key.key_id})",
            ALL_SCOPES if is_operator else frozenset(key.scopes),
            None if key.labels is None else frozenset(key.labels),
        )
        self._callers.keep(remembered, caller)
        return caller

    def forget(self) -> None:
        """Ask the database again from now on: a key was revoked here."""
        self._callers.clear()

    async def _key(self, token: str) -> StoredKey | None:
        key_id = key_text.id_of(token)
        stored = None if key_id is None else await keys.get(self._database, key_id)
        return stored if key_text.matches(token, stored and stored.key_hash) else None

    async def _operator_key(self, operator: "_OperatorToken") -> StoredKey | None:
        stored = await keys.get(self._database, operator.key_id)
        if stored is None:
            await keys.create(
                self._database,
                operator.key_id,
                b"",
                name="operator token",
                scopes=ALL_SCOPES,
                labels=None,
                owner="the stack",
            )
            stored = await keys.get(self._database, operator.key_id)
        return stored


class _OperatorToken(NamedTuple):
    token: bytes
    key_id: str
    """Another one for another token. It says nothing of the token, which people may have thought up."""


def _parse(content: bytes) -> _OperatorToken:
    token = content.strip()
    if len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(f"the operator's token has {len(token)} characters; at least {MIN_TOKEN_LENGTH} are needed")
    slow = hashlib.scrypt(token, salt=b"operator-token", n=2**14, r=8, p=1, dklen=6)
    return _OperatorToken(token, f"operator-{slow.hex()}")
