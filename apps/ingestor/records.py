"""From the bytes of one Kinesis record to readings, and to rejects that keep what could not be read and why.

A record holds an `Envelope` (what the gateway puts), a single `DeviceReading`, a JSON array of them, or any number of
these packed by the Kinesis Producer Library. Whatever the bytes are, reading them raises nothing, and each item ends
either among the readings or among the rejects.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from aws_kinesis_agg import DIGEST_SIZE, MAGIC

# Only the format: the package's own loop drops what follows a wrong key index. Imported from where its generated
# code can be found.
from aws_kinesis_agg.deaggregator import messages_pb2
from google.protobuf.message import DecodeError

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


class Record(NamedTuple):
    """One Kinesis record. `arrived_at` is the stream's own clock, so reading a record again gives the same answer."""

    sequence_number: str
    arrived_at: datetime
    data: bytes


class Cause(StrEnum):
    """Why an item was rejected, in few classes; its reason has the details."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    CLOCK = "clock"
    GATEWAY = "gateway"
    DATABASE = "database"


class Placed(NamedTuple):
    """A reading and where it came from: the record, and its place inside."""

    sequence_number: str
    position: int
    reading: StoredReading


class Reject(NamedTuple):
    """An item that cannot be stored. PostgreSQL can keep its texts and its position."""

    sequence_number: str
    position: int
    device_id: str | None
    cause: Cause
    reason: str
    payload: str
    received_at: datetime | None = None
    """When the gateway received the request whose item it refused: with `position` it names the item."""


class Contents(NamedTuple):
    """What a record holds."""

    readings: list[Placed]
    rejects: list[Reject]
    traceparents: list[str]


def read(record: Record) -> Contents:
    """Return what `record` holds. Never raises: what cannot be read is a reject."""
    reader = _Reader(record)
    for data in _user_records(record.data):
        reader.read(data)
    return reader.contents


def reject_reading(placed: Placed, reason: str) -> Reject:
    """Return the reject of a reading that the database refused."""
    row = placed.reading
    item = DeviceReading(device_id=row.device_id, metric=row.metric, ts=row.ts, value=row.value)
    return _reject(
        placed.sequence_number, placed.position, row.device_id, Cause.DATABASE, reason, msgspec.json.encode(item)
    )


class _Reader:
    """Reads the user records of one record, counting their items."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.contents = Contents([], [], [])
        self.items = 0

    def read(self, data: bytes) -> None:
        try:
            if data.lstrip()[:1] == b"[":
                items = _split(data)
            elif _KIND.decode(data).type is None:
                items = [msgspec.Raw(data)]
            else:
                self._read_envelope(_ENVELOPE.decode(data))
                return
        except _UNREADABLE as error:
            self._reject(None, Cause.MALFORMED, str(error), data)
            return
        for item in items:
            self._read_item(item)

    def _read_item(self, item: msgspec.Raw) -> None:
        try:
            reading = _DEVICE_READING.decode(item)
        except _UNREADABLE as error:
            self._reject(None, Cause.INVALID, str(error), item)
        else:
            self._accept(reading.device_id, reading, self.record.arrived_at)

    def _read_envelope(self, envelope: "_Envelope") -> None:
        device_id = envelope.device_id
        named = isinstance(device_id, str) and re.fullmatch(DEVICE_ID_PATTERN, device_id)
        received_at = self._received_at(envelope.received_at)
        for item in envelope.readings:
            try:
                reading = _READING.decode(item)
            except _UNREADABLE as error:
                self._reject(device_id if named else None, Cause.INVALID, str(error), item)
                continue
            if named:
                self._accept(device_id, reading, received_at)
            else:
                self._reject(None, Cause.INVALID, "the device_id of the envelope is not valid", item)
        for item in envelope.refused:
            self._keep_refused(device_id if named else None, received_at, item)
        if isinstance(envelope.traceparent, str):
            self.contents.traceparents.append(envelope.traceparent)

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
            self._reject(device_id, Cause.CLOCK, str(error), msgspec.json.encode(reading))
            return
        row = StoredReading(device_id, reading.metric, reading.ts, reading.value, received_at)
        self.contents.readings.append(Placed(self.record.sequence_number, self.items, row))
        self.items += 1

    def _keep_refused(self, device_id: str | None, received_at: datetime, item: msgspec.Raw) -> None:
        try:
            refusal = _REFUSAL.decode(item)
        except _UNREADABLE:
            self._reject(device_id, Cause.GATEWAY, "refused by the gateway", item)
            return
        payload = refusal.payload.encode()
        reject = _reject(self.record.sequence_number, refusal.index, device_id, Cause.GATEWAY, refusal.reason, payload)
        self.contents.rejects.append(reject._replace(received_at=received_at))
        self.items += 1

    def _reject(self, device_id: str | None, cause: Cause, reason: str, payload: bytes | msgspec.Raw) -> None:
        self.contents.rejects.append(
            _reject(self.record.sequence_number, self.items, device_id, cause, reason, payload)
        )
        self.items += 1


def _split(data: bytes) -> list[msgspec.Raw]:
    """Return the items of an array. What is not quite JSON, such as NaN, costs only the item that holds it."""
    try:
        return split_array(data)
    except _UNREADABLE as error:
        try:
            return [msgspec.Raw(json.dumps(item).encode()) for item in json.loads(data)]
        except _UNREADABLE:
            raise error from None


def _user_records(data: bytes) -> Iterator[bytes]:
    """Yield what a producer packed into one record; the record itself where nothing is packed.

    Format: magic, a protocol buffer, its MD5 (aggregation-format.md of the Kinesis Producer Library).
    """
    body, digest = data[len(MAGIC) : -DIGEST_SIZE], data[-DIGEST_SIZE:]
    if not data.startswith(MAGIC) or hashlib.md5(body, usedforsecurity=False).digest() != digest:
        yield data
        return
    packed = messages_pb2.AggregatedRecord()
    try:
        packed.ParseFromString(body)
    except DecodeError:
        yield data
        return
    for record in packed.records:
        yield record.data


def _reject(
    sequence_number: str,
    position: int,
    device_id: str | None,
    cause: Cause,
    reason: str,
    payload: bytes | msgspec.Raw,
) -> Reject:
    position = min(max(position, 0), 2**31 - 1)
    return Reject(sequence_number, position, device_id, cause, truncate(reason.encode()), truncate(bytes(payload)))


class _Kind(msgspec.Struct):
    type: Any = None


class _Envelope(msgspec.Struct, tag_field="type", tag="readings.v1"):
    """An `Envelope` taken apart, so that one wrong reading or field costs only itself."""

    readings: list[msgspec.Raw]
    device_id: Any = None
    received_at: Any = None
    refused: list[msgspec.Raw] = []
    traceparent: Any = None


_KIND = msgspec.json.Decoder(_Kind)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_READING = msgspec.json.Decoder(Reading)
_DEVICE_READING = msgspec.json.Decoder(DeviceReading)
_REFUSAL = msgspec.json.Decoder(RejectedReading)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError)
