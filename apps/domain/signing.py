"""Presigned upload URLs: whoever holds one may PUT readings of one device until it expires.

The signature is HMAC-SHA-256 (RFC 2104) over six lines: the method, the raw path as it stands in the request line,
the expiry in Unix seconds, the id of the key, the device's generation of URLs, the id of the credential that asked for
it (empty: a person did). The last two are how a URL is revoked before it expires: raising the generation voids all URLs
of the device that were signed before, revoking a credential those that it asked for. The body is not signed: a device
makes it after it got the URL, and a replayed body stores nothing twice.

A URL from before generations has four lines, and the generation 0.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from apps.domain.devices import DEVICE_ID_PATTERN
from apps.domain.errors import InvalidUploadUrlError

METHOD = "PUT"
MAX_URL_LIFETIME = timedelta(days=7)
"""The farthest expiry that is honoured, whatever was signed."""
EXPIRY_LEEWAY = timedelta(minutes=1)
"""How far the clocks of signer and verifier may differ, so that a URL of the longest life works at once."""

_QUERY = re.compile(
    r"expires=(?P<expires>[1-9][0-9]{0,11})&key=(?P<key>[A-Za-z0-9._-]{1,64})"
    r"(?:&generation=(?P<generation>0|[1-9][0-9]{0,11})(?:&credential=(?P<credential>[0-9a-f]{16}))?)?"
    r"&signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys that are valid now. New URLs are signed with `current`; the others still verify (rotation)."""

    current: str
    secrets: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"SigningKeys(current={self.current!r}, ids={sorted(self.secrets)})"

    @classmethod
    def parse(cls, document: bytes) -> "SigningKeys":
        """Read `{"current": ID, "keys": {ID: BASE64}}`. Raises ValueError that says what is wrong, never a secret."""
        try:
            read = msgspec.json.decode(document, type=_KeyDocument)
            secrets = {name: base64.b64decode(secret, validate=True) for name, secret in read.keys.items()}
        except (msgspec.MsgspecError, binascii.Error) as error:
            raise ValueError(
                f'signing keys must be {{"current": ID, "keys": {{ID: BASE64}}}}: {type(error).__name__}'
            ) from None
        if read.current not in secrets:
            raise ValueError(f"signing keys: current is {read.current!r}, which is not among {sorted(secrets)}")
        for name, secret in secrets.items():
            if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
                raise ValueError(f"signing keys: the id {name!r} may hold letters, digits, '.', '_' and '-' only")
            if len(secret) < 32:
                raise ValueError(f"signing keys: {name} has {len(secret)} bytes; HMAC-SHA-256 wants at least 32")
        return cls(read.current, secrets)

    def document(self) -> bytes:
        """Return what `parse` reads."""
        keys = {name: base64.b64encode(secret).decode() for name, secret in self.secrets.items()}
        return msgspec.json.encode(_KeyDocument(self.current, keys))


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """What a valid URL says: whose readings may be written, and by what it can be revoked."""

    device_id: str
    generation: int = 0
    credential_id: str | None = None
    """Of the credential that asked for it; None: a person did."""


def upload_path(device_id: str) -> str:
    """Return the path that a device PUTs to."""
    return f"/ingest/{device_id}"


def presign(
    keys: SigningKeys, device_id: str, expires: datetime, generation: int = 0, credential_id: str | None = None
) -> str:
    """Return path and query of an upload URL. Raises ValueError for a device id that a path cannot carry."""
    if not re.fullmatch(DEVICE_ID_PATTERN, device_id):
        raise ValueError(f"device id {device_id!r} does not match {DEVICE_ID_PATTERN}")
    path, until = upload_path(device_id), int(expires.timestamp())
    lines = (METHOD, path, until, keys.current, generation, credential_id or "")
    signature = _signature(keys.secrets[keys.current], *lines)
    credential = f"&credential={credential_id}" if credential_id else ""
    return f"{path}?expires={until}&key={keys.current}&generation={generation}{credential}&signature={signature}"


def verify(keys: SigningKeys, method: str, raw_path: str, query: str, now: datetime) -> UploadGrant:
    """Return what a request may do by its URL, or raise InvalidUploadUrlError. It may have been revoked."""
    device_id = raw_path.removeprefix("/ingest/")
    if raw_path == device_id or not re.fullmatch(DEVICE_ID_PATTERN, device_id):
        raise InvalidUploadUrlError("the path is not /ingest/{device_id}")
    # One spelling only: whatever is not the URL as it was given is not that URL.
    parts = _QUERY.fullmatch(query)
    if parts is None:
        raise InvalidUploadUrlError("the URL must be used exactly as it was given: ask for a new upload URL")
    expires, key, generation = int(parts["expires"]), parts["key"], parts["generation"]
    secret = keys.secrets.get(key)
    revocable = () if generation is None else (generation, parts["credential"] or "")
    # An unknown key takes as long as a wrong signature.
    expected = _signature(secret or bytes(32), method, raw_path, expires, key, *revocable)
    is_valid = hmac.compare_digest(expected.encode(), parts["signature"].encode()) and secret is not None
    if not is_valid:
        raise InvalidUploadUrlError("the signature does not cover this request: ask for a new upload URL")
    left = expires - now.timestamp()
    if left < 0:
        raise InvalidUploadUrlError("the URL has expired: ask for a new upload URL")
    if left > (MAX_URL_LIFETIME + EXPIRY_LEEWAY).total_seconds():
        raise InvalidUploadUrlError(f"the URL is valid for over {MAX_URL_LIFETIME.days} days: ask for a new upload URL")
    return UploadGrant(device_id, int(generation or 0), parts["credential"])


def _signature(secret: bytes, *lines: object) -> str:
    return hmac.new(secret, "\n".join(map(str, lines)).encode(), sha256).hexdigest()


class _KeyDocument(msgspec.Struct, forbid_unknown_fields=True):
    current: str
    keys: dict[str, str]
