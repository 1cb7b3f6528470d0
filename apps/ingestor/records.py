"""From the bytes of one Kinesis record to readings, and to rejected items that keep what could not be read and why.

A record holds an `Envelope` (what the gateway puts), a single `DeviceReading`, a JSON array of them, or any number of
these packed by the Kinesis Producer Library. Whatever the bytes are, parsing them raises nothing, and each item ends
either among the readings or among the rejected.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeGuard

import msgspec

from apps.domain.arrays import split_array, split_object
from apps.domain.devices import DEVICE_ID_PATTERN
from apps.domain.errors import InvalidInputError, RejectKind
from apps.domain.exactness import Written, may_be_altered, may_repeat
from apps.domain.readings import (
    MAX_DETAILED_REJECTS,
    MAX_REASON_LENGTH,
    DeviceReading,
    Envelope,
    Reading,
    RejectedReading,
    StoredReading,
    Time,
    are_exact,
    are_within,
    parse_reading,
    truncate,
)
from apps.domain.reasons import packed_reason
from apps.domain.time_bounds import MAX_CLOCK_SKEW, MIN_TIMESTAMP, TimeBounds
from apps.ingestor.kpl import deaggregate


class Record(NamedTuple):
    """One Kinesis record. `arrived_at` is the stream's own clock, so parsing a record again gives the same answer."""

    sequence_number: str
    arrived_at: datetime
    data: bytes


MIN_READING_BYTES = 60
"""No reading that names its device is shorter."""


class RejectCause(StrEnum):
    """Why an item was rejected, in few classes; its reason has the details."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    CLOCK = "clock"
    RETENTION = "retention"
    PRECISION = "precision"
    CONFLICT = "conflict"
    LIMIT = "limit"
    GATEWAY = "gateway"
    DATABASE = "database"


CAUSES: Mapping[RejectKind, RejectCause] = {
    "schema": RejectCause.INVALID,
    "clock": RejectCause.CLOCK,
    "retention": RejectCause.RETENTION,
    "precision": RejectCause.PRECISION,
    "conflict": RejectCause.CONFLICT,
    "limit": RejectCause.LIMIT,
}
"""The cause of what is rejected here for a fault of this kind; what the gateway rejected has that as its cause."""


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
    """The first `MAX_DETAILED_REJECTS` of them: what a record costs is bounded by its size."""
    further_rejected: Counter[RejectCause]
    """How many more."""
    vouched: set[str]
    """Devices that the gateway let in: whoever signed their URLs registered them."""
    traceparents: list[str]


def parse_record(record: Record, retention_months: int) -> ParsedRecord:
    """Return what `record` holds. Never raises: what cannot be read, or is older than what is kept, is rejected."""
    parser = _RecordParser(record, retention_months)
    for data in deaggregate(record.data):
        parser.parse(data)
    return parser.parsed


def reject(located: LocatedReading, cause: RejectCause, reason: str) -> RejectedItem:
    """Return the rejected item of a reading that is not stored."""
    reading = located.reading
    payload = msgspec.json.encode(
        DeviceReading(device_id=reading.device_id, metric=reading.metric, ts=reading.ts, value=reading.value)
    )
    return _rejected_item(located.sequence_number, located.position, reading.device_id, cause, reason, payload)


class _RecordParser:
    """Parses the user records of one record, counting their items."""

    def __init__(self, record: Record, retention_months: int) -> None:
        self.record = record
        self.retention_months = retention_months
        self.parsed = ParsedRecord([], [], Counter(), set(), [])
        self.items = 0

    def parse(self, data: bytes) -> None:
        """Parse one user record."""
        try:
            if data.lstrip()[:1] == b"[":
                items = split_array(data)
            elif self._parse_right_envelope(data):
                return
            elif (envelope := _take_apart(data)) is None:
                items = [msgspec.Raw(data)]
            else:
                self._parse_envelope(envelope)
                return
        except _UNREADABLE as error:
            self._reject(_claimed_device_id(data), RejectCause.MALFORMED, _malformed(data, error), data)
            return
        bounds = TimeBounds.at(self.record.arrived_at, self.retention_months)
        for item in items:
            self._parse_device_reading(item, bounds)

    def _parse_right_envelope(self, data: bytes) -> bool:
        """Take in an envelope in which nothing is wrong, as nearly all are; tell whether it was one."""
        try:
            envelope = _RIGHT_ENVELOPE.decode(data)
        except _UNREADABLE:
            return False
        if not _is_device_id(envelope.device_id):
            return False
        received_at, bounds = self._received(envelope.received_at)
        if not are_within(envelope.readings, bounds):
            return False
        if not envelope.rejected and may_repeat(data, [reading.metric for reading in envelope.readings]):
            return False
        if may_be_altered(data) and not are_exact(_WRITTEN_ENVELOPE.decode(data).readings, envelope.readings):
            return False
        self.parsed.vouched.add(envelope.device_id)
        for reading in envelope.readings:
            self._accept(envelope.device_id, reading, received_at)
        for rejected in envelope.rejected:
            self._keep_rejected(envelope.device_id, received_at, rejected)
        if envelope.traceparent is not None:
            self.parsed.traceparents.append(envelope.traceparent)
        return True

    def _parse_envelope(self, envelope: "_Envelope") -> None:
        device_id = envelope.device_id if _is_device_id(envelope.device_id) else None
        received_at, bounds = self._received(envelope.received_at)
        if device_id is not None:
            self.parsed.vouched.add(device_id)
        for item in envelope.readings:
            try:
                reading = parse_reading(item, Reading, bounds)
                if device_id is None:
                    raise InvalidInputError("the device_id of the envelope is not valid")
            except InvalidInputError as error:
                self._reject(device_id, CAUSES[error.kind], str(error), item)
            else:
                self._accept(device_id, reading, received_at)
        for item in envelope.rejected:
            try:
                self._keep_rejected(device_id, received_at, _REJECTED_READING.decode(item))
            except _UNREADABLE:
                self._reject(device_id, RejectCause.GATEWAY, "refused by the gateway", item)
        if isinstance(envelope.traceparent, str):
            self.parsed.traceparents.append(envelope.traceparent)

    def _parse_device_reading(self, item: msgspec.Raw, bounds: TimeBounds) -> None:
        if self._is_full and len(bytes(item)) < MIN_READING_BYTES:
            self._reject(None, RejectCause.INVALID, "", b"")
            return
        try:
            reading = parse_reading(item, DeviceReading, bounds)
        except InvalidInputError as error:
            self._reject(_claimed_device_id(item), CAUSES[error.kind], str(error), item)
        else:
            self._accept(reading.device_id, reading, self.record.arrived_at)

    def _received(self, claimed: object) -> tuple[datetime, TimeBounds]:
        """Return when a request was received, and the times that its readings may carry.

        The gateway's clock is believed unless it is plainly wrong: that should cost no reading. Judged by the clock by
        which the gateway took it, no reading is too old or too new that was acknowledged.
        """
        arrived_at = self.record.arrived_at
        try:
            received_at: datetime = msgspec.convert(claimed, Time)
        except msgspec.ValidationError:
            received_at = arrived_at
        if not MIN_TIMESTAMP <= received_at <= arrived_at + MAX_CLOCK_SKEW:
            received_at = arrived_at
        judged_at = received_at if arrived_at - received_at <= MAX_CLOCK_SKEW else arrived_at
        return received_at, TimeBounds.at(judged_at, self.retention_months)

    def _accept(self, device_id: str, reading: Reading, received_at: datetime) -> None:
        stored = StoredReading(device_id, reading.metric, reading.ts, reading.value, received_at)
        self.parsed.readings.append(LocatedReading(self.record.sequence_number, self.items, stored))
        self.items += 1

    def _keep_rejected(self, device_id: str | None, received_at: datetime, rejected: RejectedReading) -> None:
        """Keep what the gateway rejected, at its position in the request."""
        if self._is_full:
            self._reject(device_id, RejectCause.GATEWAY, "", b"")
            return
        item = _rejected_item(
            self.record.sequence_number,
            rejected.index,
            device_id,
            RejectCause.GATEWAY,
            rejected.reason,
            rejected.payload.encode(),
        )
        self.parsed.rejected.append(item._replace(received_at=received_at))
        self.items += 1

    def _reject(self, device_id: str | None, cause: RejectCause, reason: str, payload: bytes | msgspec.Raw) -> None:
        if self._is_full:
            self.parsed.further_rejected[cause] += 1
        else:
            self.parsed.rejected.append(
                _rejected_item(self.record.sequence_number, self.items, device_id, cause, reason, payload)
            )
        self.items += 1

    @property
    def _is_full(self) -> bool:
        return len(self.parsed.rejected) >= MAX_DETAILED_REJECTS


def _take_apart(data: bytes) -> "_Envelope | None":
    """Return an envelope field by field; None for an object that does not say what it is.

    Raises what `_UNREADABLE` names for what is no object, and for an object of another type.
    """
    try:
        return None if _TYPE.decode(data).type is None else _ENVELOPE.decode(data)
    except msgspec.ValidationError:
        raise
    except _UNREADABLE as error:
        # A word that JSON does not have costs only the field, or the reading, that holds it.
        members = split_object(data) or {}
        if _decoded(members.get("type")) != _TAG:
            raise error from None
        return _Envelope(
            split_array(members.get("readings", b"[]")),
            _decoded(members.get("device_id")),
            _decoded(members.get("received_at")),
            split_array(members.get("refused", b"[]")),
            _decoded(members.get("traceparent")),
        )


def _malformed(data: bytes, error: Exception) -> str:
    packed = data[:1] == b"\x78" and data[1:2] in b"\x01\x5e\x9c\xda"
    what = "it is compressed (zlib)" if packed else packed_reason(data)
    return f"{what}: put plain JSON on the stream, or what the Kinesis Producer Library packs" if what else str(error)


def _decoded(text: bytes | None) -> Any:
    try:
        return None if text is None else msgspec.json.decode(text)
    except _UNREADABLE:
        return None


def _claimed_device_id(item: bytes | msgspec.Raw) -> str | None:
    """Return the device that a wrong reading names, so that it is found among that device's rejected records."""
    claimed = _decoded((split_object(bytes(item)) or {}).get("device_id"))
    return claimed if _is_device_id(claimed) else None


def _is_device_id(claimed: object) -> TypeGuard[str]:
    return isinstance(claimed, str) and re.fullmatch(DEVICE_ID_PATTERN, claimed) is not None


def _rejected_item(
    sequence_number: str,
    position: int,
    device_id: str | None,
    cause: RejectCause,
    reason: str,
    payload: bytes | msgspec.Raw,
) -> RejectedItem:
    position = min(max(position, 0), 2**31 - 1)
    kept_reason = truncate(reason.encode("utf-8", "replace"), MAX_REASON_LENGTH)
    return RejectedItem(sequence_number, position, device_id, cause, kept_reason, truncate(bytes(payload)))


class _Type(msgspec.Struct):
    type: Any = None


_TAG = "readings.v1"


class _Envelope(msgspec.Struct, tag_field="type", tag=_TAG):
    """An `Envelope` taken apart, so that one wrong reading or field costs only itself."""

    readings: list[msgspec.Raw]
    device_id: Any = None
    received_at: Any = None
    rejected: list[msgspec.Raw] = msgspec.field(default_factory=list, name="refused")
    traceparent: Any = None


class _WrittenEnvelope(msgspec.Struct):
    readings: list[Written]


_TYPE = msgspec.json.Decoder(_Type)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RIGHT_ENVELOPE = msgspec.json.Decoder(Envelope)
_WRITTEN_ENVELOPE = msgspec.json.Decoder(_WrittenEnvelope)
_REJECTED_READING = msgspec.json.Decoder(RejectedReading)
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
