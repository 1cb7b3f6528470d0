"""The code on a device's label, by which a person shows that they hold the device.

Twelve characters of Crockford's base32 (https://www.crockford.com/base32.html), 60 bits: nobody guesses one in the
attempts that are given. People type it, so capitals, hyphens, blanks and letters that look like digits do not matter.
"""

import hmac
from hashlib import sha256
from typing import Annotated

import msgspec

from apps.domain.credentials import RandomBytes

MAX_FAILURES = 10
"""Wrong codes after which a device takes none until a new one is made for it."""

CODE_LENGTH = 12

ClaimCode = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9A-Za-z -]{12,60}(?!\n)$", description="As it stands on the label", examples=["7Q2M-9KXD-4HTA"]
    ),
]


def make_code(random_bytes: RandomBytes) -> str:
    """Return a new code, as it is printed."""
    number = int.from_bytes(random_bytes(8), "big")
    code = "".join(_ALPHABET[(number >> 5 * index) & 31] for index in range(CODE_LENGTH))
    return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def code_digest(device_id: str, code: str) -> bytes:
    """Return what is kept of a code. The same code of two devices is kept as two digests."""
    plain = code.upper().translate(_READ_AS)
    return sha256(f"claim\n{device_id}\n{plain}".encode()).digest()


def is_code(device_id: str, code: str, digest: bytes) -> bool:
    """Tell, in a time that does not depend on it, whether this is the device's code."""
    return hmac.compare_digest(code_digest(device_id, code), digest)


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
