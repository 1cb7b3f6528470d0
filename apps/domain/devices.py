"""Devices: what may send readings."""

from datetime import datetime
from typing import Annotated

import msgspec

from apps.domain.text import NO_NUL_PATTERN

_DEVICE_ID = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
DEVICE_ID_PATTERN = rf"^{_DEVICE_ID}(?!\n)$"
"""One path segment that needs no escaping, so that a signature over the path has one spelling. Python's `$` alone
would let a line break follow."""

MAX_EXACT_INTEGER = 2**53 - 1
"""Whoever reads JSON with doubles, a browser for one, changes larger integers (RFC 8259, section 6): they are text."""

DeviceId = Annotated[
    str,
    msgspec.Meta(
        pattern=DEVICE_ID_PATTERN,
        description="Letters, digits, '.', '_' and '-', at most 64",
        examples=["boiler-1"],
    ),
]
MAX_IDS = 100
"""Of one list."""

IdList = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^{_DEVICE_ID}(,{_DEVICE_ID}){{0,{MAX_IDS - 1}}}(?!\n)$",
        description="Ids of devices, with commas between",
        examples=["boiler-1,boiler-2"],
    ),
]
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=120, pattern=NO_NUL_PATTERN, description="Any text", examples=["Boiler room"]
    ),
]
Kind = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9_-]{0,31}(?!\n)$",
        description="Lower case letters, digits, '_' and '-', at most 32, beginning with a letter",
        examples=["temperature"],
    ),
]
Label = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,62}(?!\n)$",
        description="Letters, digits, spaces and . _ : / -, at most 63",
        examples=["site:delft"],
    ),
]
AttributeName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=120, pattern=NO_NUL_PATTERN, description="Any text")
]
ExactInteger = Annotated[int, msgspec.Meta(ge=-MAX_EXACT_INTEGER, le=MAX_EXACT_INTEGER)]
Attribute = Annotated[str, msgspec.Meta(max_length=1000, pattern=NO_NUL_PATTERN)] | ExactInteger | float | bool | None

UNKNOWN_KIND = "unknown"
"""The kind of a device that nobody registered: its readings came straight from the stream."""


class DeviceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device as an operator describes it."""

    device_id: DeviceId
    kind: Kind
    name: Name | None = None
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = ()
    attributes: Annotated[dict[AttributeName, Attribute], msgspec.Meta(max_length=64)] = {}


class DevicePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts of a device to change; what is left out stays."""

    kind: Kind | msgspec.UnsetType = msgspec.UNSET
    name: Name | msgspec.UnsetType | None = msgspec.UNSET
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] | msgspec.UnsetType = msgspec.UNSET
    attributes: Annotated[dict[AttributeName, Attribute], msgspec.Meta(max_length=64)] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class Device(DeviceSpec, frozen=True, kw_only=True):
    """A registered device. `last_seen_at` is the time of its newest reading; `active` tells whether that is recent."""

    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime | None = None
    active: bool = False
