"""Readings: one measured value of one metric of one device at one time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, pairwise
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from apps.domain.arrays import split_array
from apps.domain.devices import DeviceId
from apps.domain.errors import ConflictError, InvalidInputError, PrecisionError, RejectKind, TooManyReadingsError
from apps.domain.exactness import (
    Written,
    are_spelled_alike,
    check_distinct,
    check_exact,
    may_be_altered,
    may_repeat,
)
from apps.domain.reasons import reading_reason
from apps.domain.time_bounds import TimeBounds

MAX_REASON_LENGTH = 300
MAX_PAYLOAD_LENGTH = 1024
MAX_DETAILED_REJECTS = 100
"""Rejected readings of one request that are kept with their text. Of the others it is told which they are, so that
what a refusal costs is bounded by the request."""

Metric = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9_]{0,62}(?!\n)$",
        description="Lower case letters, digits and '_', at most 63, beginning with a letter",
        examples=["temperature"],
    ),
]
Time = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with a zone, when it was measured")]
Value = Annotated[
    # Far from the largest float, so that no sum of readings overflows.
    float, msgspec.Meta(ge=-1e300, le=1e300, description="A finite number, in the metric's own unit")
]


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One reading as a device sends it."""

    metric: Metric
    ts: Time
    value: Value


class DeviceReading(Reading, frozen=True, kw_only=True, gc=False):
    """A reading that names its device: what another producer puts straight on the stream."""

    device_id: DeviceId


R = TypeVar("R", bound=Reading)


class RejectedReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading that was not accepted: its place in what was sent, why, and the text itself (cut off at 1 KiB)."""

    index: int
    reason: str
    kind: RejectKind = msgspec.field(default="schema", name="fault")
    payload: str = ""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="readings.v1"):
    """One Kinesis record: the readings of one request, as the gateway puts them on the stream.

    `rejected` travels along, so that what a device sent wrongly can be found beside what it sent rightly.
    `traceparent` carries the trace of the request (W3C Trace Context).
    """

    device_id: DeviceId
    received_at: Time
    readings: tuple[Reading, ...]
    rejected: tuple[RejectedReading, ...] = msgspec.field(default=(), name="refused")
    traceparent: str | None = None


class StoredReading(NamedTuple):
    """A row of `sensor_readings`, in the order of its columns."""

    device_id: str
    metric: str
    ts: datetime
    value: float
    received_at: datetime


@dataclass(slots=True)
class Validated:
    """The readings of one request, and which of them were rejected and why."""

    readings: list[Reading] = field(default_factory=list)
    rejected: list[RejectedReading] = field(default_factory=list)
    """The first `MAX_DETAILED_REJECTS`."""
    further_rejected: dict[RejectKind, list[int]] = field(default_factory=dict)
    """The places of all others."""

    def reject(self, index: int, error: InvalidInputError, item: bytes | msgspec.Raw) -> None:
        """Take in a reading that is not accepted."""
        if len(self.rejected) < MAX_DETAILED_REJECTS:
            reason, payload = shorten_reason(error), truncate(bytes(item))
            self.rejected.append(RejectedReading(index=index, reason=reason, kind=error.kind, payload=payload))
        else:
            self.further_rejected.setdefault(error.kind, []).append(index)

    def restrict(self, metrics: Set[str], error: InvalidInputError) -> None:
        """Reject the readings of all other metrics."""
        further = {index for indexes in self.further_rejected.values() for index in indexes}
        rejected = further | {reading.index for reading in self.rejected}
        indexes = (index for index in count() if index not in rejected)
        readings, self.readings = self.readings, []
        for index, reading in zip(indexes, readings, strict=False):
            if reading.metric in metrics:
                self.readings.append(reading)
            else:
                self.reject(index, error, msgspec.json.encode(reading))
        self.rejected.sort(key=lambda reading: reading.index)

    def count_rejected(self) -> Counter[RejectKind]:
        """Return how many were rejected, by kind."""
        counts = Counter({kind: len(indexes) for kind, indexes in self.further_rejected.items()})
        counts.update(reading.kind for reading in self.rejected)
        return counts


def parse_readings(body: bytes, bounds: TimeBounds, max_readings: int) -> Validated:
    """Decode and check each reading of a JSON array on its own: one that is wrong costs only itself.

    Raises msgspec.DecodeError for a body that is no JSON array, TooManyReadingsError for over `max_readings` items.
    """
    try:
        readings = _READINGS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_items(split_array(body), bounds, max_readings)
    # Nearly every body is right as a whole, and then it need not be taken apart.
    is_right = (
        len(readings) <= max_readings
        and are_within(readings, bounds)
        and _are_distinct(readings)
        and not may_repeat(body, [reading.metric for reading in readings])
        and (not may_be_altered(body) or are_exact(_WRITTEN_LIST.decode(body), readings))
    )
    return Validated(readings) if is_right else _parse_items(split_array(body), bounds, max_readings)


def parse_reading(item: bytes | msgspec.Raw, kind: type[R], bounds: TimeBounds) -> R:
    """Decode and check one reading. Raises InvalidInputError that says what is wrong with it."""
    try:
        reading: R = _DECODERS[kind].decode(item)
    except RecursionError:
        raise InvalidInputError("JSON is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not bytes(item).strip():
            raise InvalidInputError("nothing stands between two commas") from None
        raise InvalidInputError(reading_reason(bytes(item), error, kind.__struct_fields__)) from None
    if may_repeat(bytes(item), [reading.metric], kind.__struct_fields__):
        check_distinct(bytes(item))
    bounds.check(reading.ts)
    check_exact(_WRITTEN.decode(item), reading.value)
    return reading


def are_within(readings: Iterable[Reading], bounds: TimeBounds) -> bool:
    """Return whether all carry times that they may carry."""
    oldest, newest = bounds
    return all(oldest <= reading.ts <= newest for reading in readings)


def are_exact(written: Sequence[Written], readings: Sequence[Reading]) -> bool:
    """Return whether all readings are what is written."""
    # As one text, which is quick where Python's own spelling of each number was sent.
    if are_spelled_alike(written, [reading.value for reading in readings]):
        return True
    try:
        for texts, reading in zip(written, readings, strict=True):
            check_exact(texts, reading.value)
    except PrecisionError:
        return False
    return True


def _are_distinct(readings: Sequence[Reading]) -> bool:
    # In the order of time, as most devices send, no time can stand there twice.
    if all(later.ts > earlier.ts for earlier, later in pairwise(readings)):
        return True
    return len({(reading.metric, reading.ts) for reading in readings}) == len(readings)


def _parse_items(items: Sequence[msgspec.Raw], bounds: TimeBounds, max_readings: int) -> Validated:
    if len(items) > max_readings:
        raise TooManyReadingsError(f"{len(items)} readings are too many: send at most {max_readings} at a time")
    validated = Validated()
    first: dict[tuple[str, datetime], tuple[int, float]] = {}
    for index, item in enumerate(items):
        try:
            reading = parse_reading(item, Reading, bounds)
            earlier, value = first.setdefault((reading.metric, reading.ts), (index, reading.value))
            if value != reading.value:
                raise ConflictError(f"reading {earlier} has another value for this metric and time: it is kept")
        except InvalidInputError as error:
            validated.reject(index, error, item)
        else:
            validated.readings.append(reading)
    return validated


def shorten_reason(error: Exception) -> str:
    """Return what is wrong, at a length that is bounded: an error may quote what a device sent."""
    return truncate(str(error).encode("utf-8", "replace"), MAX_REASON_LENGTH)


def truncate(payload: bytes, limit: int = MAX_PAYLOAD_LENGTH) -> str:
    """Return text that PostgreSQL can keep (no NUL byte, valid UTF-8) and at most `limit` characters of it."""
    return payload[: limit * 4].decode("utf-8", "replace").replace("\x00", "\N{SYMBOL FOR NULL}")[:limit]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the array that a device PUTs."""
    (schema,), components = msgspec.json.schema_components([list[Reading]], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": components}


_WRITTEN = msgspec.json.Decoder(Written)
_WRITTEN_LIST = msgspec.json.Decoder(list[Written])
_READINGS = msgspec.json.Decoder(list[Reading])
_DECODERS: Mapping[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Reading, DeviceReading)
}
