"""Whether a reading can be kept as it was written: to the digit, and to the microsecond.

A value is kept as a double. A number is kept exactly when it is the double itself, or the double as it is written: with
the fewest digits that tell it from its neighbours (`0.1`), or rounded to as many digits as stand there
(`21.300000000000001` for 21.3, as `%.17g` writes it). Any other number would come out as another one.
"""

import json
import re
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

import msgspec

from apps.domain.errors import InvalidInputError, PrecisionError

MAX_NUMBER_LENGTH = 1100
"""No double takes more characters, however it is written."""

MAX_MICROSECOND_LENGTH = len('"2026-11-25T12:00:00.123456Z"')
"""A time in JSON that is not longer is not finer than a microsecond."""


class Written(msgspec.Struct, gc=False):
    """Time and value of a reading as they stand in JSON."""

    ts: msgspec.Raw
    value: msgspec.Raw


def may_be_altered(text: bytes) -> bool:
    """Return whether a number or a time in a JSON text may have more digits than are kept; False is certain.

    Doubles keep every number of up to 15 digits. One that has more, and a time finer than a microsecond with its
    seconds, has ten digits and points in a row; a negative exponent may lead below the smallest double.
    """
    shape = text.translate(_SHAPE)
    return b"0000000000" in shape or b"0e-0" in shape


def check_exact(written: Written, value: float) -> None:
    """Raise PrecisionError when storing a reading with this value would change what is written."""
    number, ts = bytes(written.value), bytes(written.ts)
    if number != repr(value).encode() and not _is_written_as(number, value):
        raise PrecisionError(f"value has more digits than a double keeps, the nearest is {value!r}: send fewer digits")
    if len(ts) > MAX_MICROSECOND_LENGTH and _FINE.search(
        ts if b"\\" not in ts else msgspec.json.decode(ts, type=str).encode()
    ):
        raise PrecisionError("ts is finer than a microsecond, which is what is kept: send six digits")


def may_repeat(text: bytes, metrics: Sequence[str], members: Sequence[str] = ("metric", "ts", "value")) -> bool:
    """Return whether a member may stand twice in one of the readings of these metrics; False is certain."""
    # A metric may be called like a member.
    return b"\\" in text or any(
        text.count(f'"{name}"'.encode()) != len(metrics) + metrics.count(name) for name in members
    )


def check_distinct(text: bytes) -> None:
    """Raise InvalidInputError for a member that stands twice in its object: one of the two would be lost."""
    json.loads(text, object_pairs_hook=_distinct)


def check_as_written(text: bytes) -> None:
    """Raise InvalidInputError where decoding a JSON text would change it: a number with more digits than a double
    keeps, or a member that stands twice in its object, of which one would be lost.
    """
    json.loads(text, parse_float=_exact, object_pairs_hook=_distinct)


def _exact(number: str) -> float:
    if not is_exact(number, value := float(number)):
        raise PrecisionError(f"{number} has more digits than a double keeps, the nearest is {value!r}: send it as text")
    return value


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members:
        if name in found:
            raise InvalidInputError(f"{name[:60]!r} stands twice: name it once")
        found[name] = value
    return found


def are_spelled_alike(written: Sequence[Written], values: Sequence[float]) -> bool:
    """Return whether all numbers are written as Python writes their values, and no time is finer than is kept."""
    spelled = " ".join(map(repr, values)).encode()
    times = b" ".join([reading.ts for reading in written])
    return (
        b" ".join([reading.value for reading in written]) == spelled and b"\\" not in times and not _FINE.search(times)
    )


def is_exact(number: str, value: float) -> bool:
    """Return whether `value` is the number that is written."""
    return _is_written_as(number.encode(), value)


def _is_written_as(number: bytes, value: float) -> bool:
    if len(number) > MAX_NUMBER_LENGTH:
        return False
    try:
        written = Decimal(number.decode())
        digits = len(written.as_tuple().digits)
        return written in {Decimal(repr(value)), Context(prec=digits).create_decimal(Decimal(value))}
    except ArithmeticError:  # an exponent beyond all measure
        return False


_SHAPE = bytes.maketrans(b"123456789.E", b"0000000000e")
_FINE = re.compile(rb"\.[0-9]{6}[0-9]*[1-9]")
