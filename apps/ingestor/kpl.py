"""Records that the Kinesis Producer Library (KPL) packed into one.

Format: magic, a protocol buffer, its MD5 (aggregation-format.md of the KPL).
"""

import hashlib
from collections.abc import Iterator

from aws_kinesis_agg import DIGEST_SIZE, MAGIC

# Only the format: the package's own loop drops what follows a wrong key index. Imported from where its generated
# code can be found.
from aws_kinesis_agg.deaggregator import messages_pb2
from google.protobuf.message import DecodeError

RECORDS_TAG = messages_pb2.AggregatedRecord.DESCRIPTOR.fields_by_name["records"].number << 3 | 2
"""What a packed record begins with: its field's number, and that its length follows."""


def deaggregate(data: bytes) -> Iterator[bytes]:
    """Yield the user records that a producer packed into one record; `data` itself where nothing is packed.

    A packed record that is broken is yielded as it stands, and costs only itself; so is `data` in which none is found.
    """
    body, digest = data[len(MAGIC) : -DIGEST_SIZE], data[-DIGEST_SIZE:]
    if not data.startswith(MAGIC) or hashlib.md5(body, usedforsecurity=False).digest() != digest:
        yield data
        return
    aggregated = messages_pb2.AggregatedRecord()
    try:
        aggregated.ParseFromString(body)
    except DecodeError:
        yield from [_unpack(packed) for packed in _packed(body) or []] or [data]
        return
    yield from [user_record.data for user_record in aggregated.records] or [data]


def _unpack(packed: bytes) -> bytes:
    record = messages_pb2.Record()
    try:
        record.ParseFromString(packed)
    except DecodeError:
        return packed
    data: bytes = record.data
    return data


def _packed(body: bytes) -> list[bytes] | None:
    """Return the packed records, not yet looked into; None where not even their lengths fit.

    All fields of the outer message are texts or records: each is a tag, a length, and as many bytes.
    """
    found, position = [], 0
    while position < len(body):
        tag, position = _number(body, position)
        length, position = _number(body, position)
        end = position + length
        if end > len(body) or tag & 7 != RECORDS_TAG & 7:
            return None
        if tag == RECORDS_TAG:
            found.append(body[position:end])
        position = end
    return found


def _number(body: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position (a varint: seven bits a byte, the last without the top bit) and where it ends."""
    number = shift = 0
    while position < len(body):
        byte = body[position]
        position += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, position
        if shift > 63:
            break
    return len(body), len(body) + 1
