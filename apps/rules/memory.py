"""What is remembered of one part of the fleet between two looks, and how it is written down."""

import zlib
from typing import TypeAlias

import msgspec

from apps.domain.rule_reference import Usual

Subject: TypeAlias = tuple[str, str]
"""A device and a metric; an empty metric: the device with all of its metrics."""


class Progress(msgspec.Struct, array_like=True):
    """How far a rule is with one subject. Times are microseconds since 1970."""

    version: int
    """Of the rule that `since` was counted under."""
    since: int | None = None
    """When what the rule is about began; None: it is not so."""
    is_firing: bool = False
    resolved: int | None = None
    """When it last fired no more."""


class Memory(msgspec.Struct, array_like=True):
    """What is remembered of one subject."""

    ts: int = 0
    """Time of the newest reading."""
    received_at: int = 0
    """When the newest arrived."""
    usual: Usual = Usual()
    rate_points: dict[str, list[tuple[int, float]]] = {}
    """Readings that rates are measured against, by rule."""
    progress: dict[str, Progress] = {}
    """By rule."""


def dump(memories: dict[Subject, Memory]) -> bytes:
    """Return memories as bytes."""
    return zlib.compress(_ENCODER.encode([(*subject, memory) for subject, memory in memories.items()]), 1)


def load(content: bytes) -> dict[Subject, Memory]:
    """Return the memories that `dump` wrote."""
    return {(device_id, metric): memory for device_id, metric, memory in _DECODER.decode(zlib.decompress(content))}


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[tuple[str, str, Memory]])
