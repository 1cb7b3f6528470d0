"""Signatures of webhooks as Standard Webhooks has them (https://www.standardwebhooks.com, symmetric, version 1).

A receiver recomputes the HMAC-SHA256 of `ID.TIMESTAMP.BODY` with its own key, compares it with the header
`webhook-signature` (`v1,` and Base64) and refuses what is older than some minutes. Libraries in many languages do so.
"""

import base64
import hashlib
import hmac
from datetime import datetime

KEY_PREFIX = "whsec_"
"""How the libraries expect a key to begin."""

MIN_KEY_LENGTH = 32


def parse_key(content: bytes) -> bytes:
    """Return the platform's own key. Raises ValueError for one that could be guessed."""
    key = content.strip()
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError(f"the key for webhooks must be at least {MIN_KEY_LENGTH} characters long")
    return key


def receiver_key(key: bytes, receiver: str) -> bytes:
    """Return the key of one receiver: who knows it learns nothing about those of others."""
    return hmac.digest(key, f"webhook:{receiver}".encode(), hashlib.sha256)


def written(key: bytes) -> str:
    """Return a receiver's key as its libraries take it."""
    return KEY_PREFIX + base64.b64encode(key).decode()


def headers(key: bytes, body: bytes, now: datetime) -> dict[str, str]:
    """Return the three headers that prove where `body` comes from. The id is the same when it is sent again."""
    message_id = "msg_" + hashlib.sha256(body).hexdigest()[:32]
    timestamp = str(int(now.timestamp()))
    signature = hmac.digest(key, b".".join([message_id.encode(), timestamp.encode(), body]), hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
    }
