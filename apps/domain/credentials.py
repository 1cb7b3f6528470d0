"""Credentials: of a device, of a fleet whose devices register themselves, of a screen that shows and cannot change.

A credential is text of one spelling: the prefix of its kind, its id, its secret of 256 random bits. The id is no secret
and stands in lists, logs and upload URLs. Only the SHA-256 of the whole text is kept: a secret that nobody can guess
needs no slow hash (NIST SP 800-63B, section 5.1.1.2, is about what people choose).
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Self

import msgspec

from apps.domain.errors import InvalidCredentialError

MAX_LIVE_CREDENTIALS = 2
"""Of one device at a time: the one in use, and the one that takes its place."""

REVOCATION_TIME = timedelta(seconds=60)
"""After which what was revoked is refused everywhere."""

ID_BYTES = 8
SECRET_BYTES = 32

CredentialId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{16}(?!\n)$",
        description="The part between the underscores, which is no secret",
        examples=["0123456789abcdef"],
    ),
]

RandomBytes = Callable[[int], bytes]


class CredentialKind(StrEnum):
    """Whose it is: the prefix by which people, and scanners for leaked secrets, tell it."""

    DEVICE = "sad"
    FLEET = "saf"
    VIEW = "sav"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential in the hand of its holder. Its text is shown by `text` alone, never by accident."""

    kind: CredentialKind
    credential_id: str
    _secret: str = field(repr=False)

    @classmethod
    def make(cls, kind: CredentialKind, random_bytes: RandomBytes) -> Self:
        """Return a new one."""
        return cls(kind, random_bytes(ID_BYTES).hex(), random_bytes(SECRET_BYTES).hex())

    @classmethod
    def parse(cls, kind: CredentialKind, text: str) -> Self:
        """Read a credential of a kind. Raises InvalidCredentialError, which shows nothing of what was given."""
        parts = re.fullmatch(rf"{kind}_([0-9a-f]{{{2 * ID_BYTES}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})", text)
        if parts is None:
            raise InvalidCredentialError(f"this is no credential of its form, which begins with {kind}_")
        return cls(kind, parts[1], parts[2])

    @property
    def text(self) -> str:
        """What its holder keeps and sends."""
        return f"{self.kind}_{self.credential_id}_{self._secret}"

    @property
    def digest(self) -> bytes:
        """What is kept of it."""
        return sha256(self.text.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        """Tell, in a time that does not depend on it, whether this is what the digest was made of."""
        return hmac.compare_digest(self.digest, digest)


def bearer(authorization: str | None) -> str | None:
    """Return the token of an Authorization header (RFC 6750); None where there is no such header.

    Raises InvalidCredentialError for another scheme.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise InvalidCredentialError("the Authorization header is not Bearer and a credential")
    return token.strip()
