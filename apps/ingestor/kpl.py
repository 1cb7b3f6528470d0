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


def deaggregate(data: bytes) -> Iterator[bytes]:
    """Yield the user records that a producer packed into one record; `data` itself where nothing is packed."""
    body, digest = data[len(MAGIC) : -DIGEST_SIZE], data[-DIGEST_SIZE:]
    if not data.startswith(MAGIC) or hashlib.md5(body, usedforsecurity=False).digest() != digest:
        yield data
        return
    aggregated = messages_pb2.AggregatedRecord()
    try:
        aggregated.ParseFromString(body)
    except DecodeError:
        yield data
        return
    for user_record in aggregated.records:
        yield user_record.data
