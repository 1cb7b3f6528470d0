"""Readings: one measured value of one metric of one device at one time."""

import codecs
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from apps.domain.devices import DeviceId
from apps.domain.errors import ClockError
from apps.domain.reasons import reading_reason

MIN_TIMESTAMP = datetime(2000, 1, 1, tzinfo=UTC)
"""Older than any sensor of ours: an earlier time is a clock that was never set."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far a device's clock may run ahead of the receiver's."""

Metric = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,62}(?!\n)$", description="Lower case, for example temperature")
]
Time = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with a zone, when it was measured")]
Value = Annotated[
    # Far from the largest float, so that no sum of readings overflows.
    float, msgspec.Meta(ge=-1e300, le=1e300, description="A finite number, in the metric's own unit")
]


RejectKind = Literal["schema", "clock"]
"""What kind of thing is wrong with a reading: its form, or its time."""


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading as a device sends it."""

    metric: Metric
    ts: Time
    value: Value


class DeviceReading(Reading, frozen=True, kw_only=True):
    """A reading that names its device: what another producer puts straight on the stream."""

    device_id: DeviceId


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


def split_array(body: bytes) -> list[msgspec.Raw]:
    """Return the elements of a JSON array, each still as text. A byte order mark before it is passed over (RFC 8259).

    Raises msgspec.DecodeError when `body` is not JSON, msgspec.ValidationError when it is not an array.
    """
    try:
        return _ARRAY.decode(body.removeprefix(codecs.BOM_UTF8))
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply") from None


def validate_readings(items: list[msgspec.Raw], now: datetime) -> tuple[list[Reading], list[RejectedReading]]:
    """Decode and check each item on its own: one bad reading costs only itself."""
    readings: list[Reading] = []
    rejected: list[RejectedReading] = []
    for index, item in enumerate(items):
        try:
            reading = _READING.decode(item)
            check_time(reading.ts, now)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            kind: RejectKind = "clock" if isinstance(error, ClockError) else "schema"
            # The error may quote what the device sent, at any length.
            reason = truncate(reading_reason(bytes(item), error).encode("utf-8", "replace"))
            rejected.append(RejectedReading(index=index, reason=reason, kind=kind, payload=truncate(bytes(item))))
        else:
            readings.append(reading)
    return readings, rejected


def check_time(ts: datetime, now: datetime) -> None:
    """Raise ClockError when a reading's time can only come from a wrong clock."""
    if ts < MIN_TIMESTAMP:
        raise ClockError(f"ts {ts.isoformat()} is before {MIN_TIMESTAMP.date()}: set the device's clock")
    if ts > now + MAX_CLOCK_SKEW:
        raise ClockError(
            f"ts {ts.isoformat()} is over {MAX_CLOCK_SKEW.seconds} s ahead of {now.isoformat()}: set the device's clock"
        )


def truncate(payload: bytes, limit: int = 1024) -> str:
    """Return text that PostgreSQL can keep (no NUL byte, valid UTF-8) and at most `limit` characters of it."""
    return payload[: limit * 4].decode("utf-8", "replace").replace("\x00", "\N{SYMBOL FOR NULL}")[:limit]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the array that a device PUTs."""
    (schema,), components = msgspec.json.schema_components([list[Reading]], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": components}


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_READING = msgspec.json.Decoder(Reading)
