"""From the bytes of one Kinesis record to readings, and to rejected items that keep what could not be read and why.

A record holds an `Envelope` (what the gateway puts), a single `DeviceReading`, a JSON array of them, or any number of
these packed by the Kinesis Producer Library. Whatever the bytes are, parsing them raises nothing, and each item ends
either among the readings or among the rejected.
"""

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeGuard

import msgspec

from apps.domain.devices import DEVICE_ID_PATTERN
from apps.domain.readings import (
    MAX_CLOCK_SKEW,
    MIN_TIMESTAMP,
    DeviceReading,
    Reading,
    RejectedReading,
    StoredReading,
    Time,
    check_time,
    split_array,
    truncate,
)
from apps.ingestor.kpl import deaggregate


class Record(NamedTuple):
    """One Kinesis record. `arrived_at` is the stream's own clock, so parsing a record again gives the same answer."""

    sequence_number: str
    arrived_at: datetime
    data: bytes


class RejectCause(StrEnum):
    """Why an item was rejected, in few classes; its reason has the details."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    CLOCK = "clock"
    GATEWAY = "gateway"
    DATABASE = "database"


class LocatedReading(NamedTuple):
    """A reading and where it came from: the record, and its position inside."""

    sequence_number: str
    position: int
    reading: StoredReading


class RejectedItem(NamedTuple):
    """An item that cannot be stored. PostgreSQL can keep its texts and its position."""

    sequence_number: str
    position: int
    device_id: str | None
    cause: RejectCause
    reason: str
    payload: str
    received_at: datetime | None = None
    """When the gateway received the request whose item it rejected: with `position` it names the item."""


class ParsedRecord(NamedTuple):
    """What a record holds."""

    readings: list[LocatedReading]
    rejected: list[RejectedItem]
    traceparents: list[str]


def parse_record(record: Record) -> ParsedRecord:
    """Return what `record` holds. Never raises: what cannot be read is rejected."""
    parser = _RecordParser(record)
    for data in deaggregate(record.data):
        parser.parse(data)
    return parser.parsed


def reject(located: LocatedReading, reason: str) -> RejectedItem:
    """Return the rejected item of a reading that the database did not take."""
    reading = located.reading
    payload = msgspec.json.encode(
        DeviceReading(device_id=reading.device_id, metric=reading.metric, ts=reading.ts, value=reading.value)
    )
    return _rejected_item(
        located.sequence_number, located.position, reading.device_id, RejectCause.DATABASE, reason, payload
    )


class _RecordParser:
    """Parses the user records of one record, counting their items."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.parsed = ParsedRecord([], [], [])
        self.items = 0

    def parse(self, data: bytes) -> None:
        """Parse one user record."""
        try:
            if data.lstrip()[:1] == b"[":
                items = _split(data)
            elif _TYPE.decode(data).type is None:
                items = [msgspec.Raw(data)]
            else:
                self._parse_envelope(_ENVELOPE.decode(data))
                return
        except _UNREADABLE as error:
            self._reject(None, RejectCause.MALFORMED, str(error), data)
            return
        for item in items:
            self._parse_device_reading(item)

    def _parse_device_reading(self, item: msgspec.Raw) -> None:
        try:
            reading = _DEVICE_READING.decode(item)
        except _UNREADABLE as error:
            self._reject(None, RejectCause.INVALID, str(error), item)
        else:
            self._accept(reading.device_id, reading, self.record.arrived_at)

    def _parse_envelope(self, envelope: "_Envelope") -> None:
        claimed_id = envelope.device_id
        device_id = claimed_id if _is_device_id(claimed_id) else None
        received_at = self._received_at(envelope.received_at)
        for item in envelope.readings:
            try:
                reading = _READING.decode(item)
            except _UNREADABLE as error:
                self._reject(device_id, RejectCause.INVALID, str(error), item)
                continue
            if device_id is None:
                self._reject(None, RejectCause.INVALID, "the device_id of the envelope is not valid", item)
            else:
                self._accept(device_id, reading, received_at)
        for item in envelope.rejected:
            self._keep_rejected(device_id, received_at, item)
        if isinstance(envelope.traceparent, str):
            self.parsed.traceparents.append(envelope.traceparent)

    def _received_at(self, claimed: object) -> datetime:
        """Believe the gateway's clock unless it is plainly wrong: that should cost no reading."""
        try:
            received_at: datetime = msgspec.convert(claimed, Time)
        except msgspec.ValidationError:
            return self.record.arrived_at
        if MIN_TIMESTAMP <= received_at <= self.record.arrived_at + MAX_CLOCK_SKEW:
            return received_at
        return self.record.arrived_at

    def _accept(self, device_id: str, reading: Reading, received_at: datetime) -> None:
        try:
            check_time(reading.ts, self.record.arrived_at)
        except ValueError as error:
            self._reject(device_id, RejectCause.CLOCK, str(error), msgspec.json.encode(reading))
            return
        stored = StoredReading(device_id, reading.metric, reading.ts, reading.value, received_at)
        self.parsed.readings.append(LocatedReading(self.record.sequence_number, self.items, stored))
        self.items += 1

    def _keep_rejected(self, device_id: str | None, received_at: datetime, item: msgspec.Raw) -> None:
        """Keep what the gateway rejected, at its position in the request."""
        try:
            rejected = _REJECTED_READING.decode(item)
        except _UNREADABLE:
            self._reject(device_id, RejectCause.GATEWAY, "refused by the gateway", item)
            return
        kept = _rejected_item(
            self.record.sequence_number,
            rejected.index,
            device_id,
            RejectCause.GATEWAY,
            rejected.reason,
            rejected.payload.encode(),
        )
        self.parsed.rejected.append(kept._replace(received_at=received_at))
        self.items += 1

    def _reject(self, device_id: str | None, cause: RejectCause, reason: str, payload: bytes | msgspec.Raw) -> None:
        self.parsed.rejected.append(
            _rejected_item(self.record.sequence_number, self.items, device_id, cause, reason, payload)
        )
        self.items += 1


def _is_device_id(claimed: object) -> TypeGuard[str]:
    return isinstance(claimed, str) and re.fullmatch(DEVICE_ID_PATTERN, claimed) is not None


def _split(data: bytes) -> list[msgspec.Raw]:
    """Return the items of an array. What is not quite JSON, such as NaN, costs only the item that holds it."""
    try:
        return split_array(data)
    except _UNREADABLE as error:
        try:
            return [msgspec.Raw(json.dumps(item).encode()) for item in json.loads(data)]
        except _UNREADABLE:
            raise error from None


def _rejected_item(
    sequence_number: str,
    position: int,
    device_id: str | None,
    cause: RejectCause,
    reason: str,
    payload: bytes | msgspec.Raw,
) -> RejectedItem:
    position = min(max(position, 0), 2**31 - 1)
    return RejectedItem(
        sequence_number, position, device_id, cause, truncate(reason.encode()), truncate(bytes(payload))
    )


class _Type(msgspec.Struct):
    type: Any = None


class _Envelope(msgspec.Struct, tag_field="type", tag="readings.v1"):
    """An `Envelope` taken apart, so that one wrong reading or field costs only itself."""

    readings: list[msgspec.Raw]
    device_id: Any = None
    received_at: Any = None
    rejected: list[msgspec.Raw] = msgspec.field(default_factory=list, name="refused")
    traceparent: Any = None


_TYPE = msgspec.json.Decoder(_Type)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_READING = msgspec.json.Decoder(Reading)
_DEVICE_READING = msgspec.json.Decoder(DeviceReading)
_REJECTED_READING = msgspec.json.Decoder(RejectedReading)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError)
