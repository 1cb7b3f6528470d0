"""Opaque cursors: where the next page of one query starts.

A cursor holds the key of the last row that was sent, so that a page costs the same wherever it is, and rows that
arrive in between move nothing. It fits only the query that it came from.
"""

import base64
import binascii
from hashlib import blake2b
from typing import Annotated, TypeVar

import msgspec

from apps.api.errors import BadCursorError

T = TypeVar("T")

Cursor = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_-]{1,1024}(?!\n)$",
        description="`next_cursor` of the page before; the other parameters must stay the same",
    ),
]

_DIGEST = 8


def encode_cursor(query: object, key: object) -> str:
    """Return the cursor for `key` (anything msgspec can encode) in the result of `query`."""
    payload = msgspec.msgpack.encode(key)
    return base64.urlsafe_b64encode(_digest(query, payload) + payload).rstrip(b"=").decode()


def decode_cursor(query: object, cursor: str, kind: type[T]) -> T:
    """Return the key that was encoded. Raises BadCursorError for anything else than a cursor of `query`."""
    try:
        decoded = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, payload = decoded[:_DIGEST], decoded[_DIGEST:]
        if digest != _digest(query, payload):
            raise BadCursorError
        key = msgspec.msgpack.decode(payload, type=kind)
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError, BadCursorError):
        raise BadCursorError("the cursor is not one that this query gave: start again without a cursor") from None
    # Base64 has spare bits at its end: only the one spelling that was given counts.
    if encode_cursor(query, key) != cursor:
        raise BadCursorError("the cursor is not one that this query gave: start again without a cursor")
    return key


def _digest(query: object, payload: bytes) -> bytes:
    # No secret: it finds mistakes. What a forged cursor could ask for may be asked for anyway.
    return blake2b(msgspec.msgpack.encode(query) + payload, digest_size=_DIGEST, person=b"cursor").digest()
