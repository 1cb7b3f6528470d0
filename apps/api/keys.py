"""API keys as text: `sak_`, an id that names the key, and a secret of 256 random bits.

The id is no secret and finds the row. Of the whole key only its SHA-256 is kept: a slow hash protects what people think
up, not what nobody can guess.
"""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

PATTERN = re.compile(r"sak_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class NewKey(NamedTuple):
    """A key as it is handed out, once, and what is kept of it."""

    text: str
    key_id: str
    key_hash: bytes


def make() -> NewKey:
    """Make a key."""
    key_id = secrets.token_hex(6)
    text = f"sak_{key_id}_{secrets.token_urlsafe(32)}"
    return NewKey(text, key_id, hash_of(text))


def id_of(text: str) -> str | None:
    """Return the id inside a key; None when this is no key at all."""
    found = PATTERN.fullmatch(text)
    return found[1] if found else None


def hash_of(text: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


def matches(text: str, key_hash: bytes | None) -> bool:
    """Tell whether a key is the one of which the hash was kept; as slowly when there is none of its id."""
    return hmac.compare_digest(hash_of(text), key_hash or bytes(32))
