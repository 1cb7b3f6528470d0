"""Envelopes as Kinesis records."""

import msgspec

from apps.domain.readings import Envelope

MAX_RECORD_BYTES = 1024 * 1024 - 256
"""The most that a record may hold: Kinesis takes 1 MiB, its partition key (at most 256 bytes) included."""


def encode(envelope: Envelope, limit: int = MAX_RECORD_BYTES) -> list[bytes]:
    """Return the records, of at most `limit` bytes each, that together carry what the envelope carries."""
    record = msgspec.json.encode(envelope)
    if len(record) <= limit:
        return [record]
    # One half takes the odd reading and the other the odd reject, so that both are smaller than the whole.
    readings, rejected = (len(envelope.readings) + 1) // 2, len(envelope.rejected) // 2
    halves = (
        (envelope.readings[:readings], envelope.rejected[:rejected]),
        (envelope.readings[readings:], envelope.rejected[rejected:]),
    )
    return [
        part
        for some, others in halves
        for part in encode(msgspec.structs.replace(envelope, readings=some, rejected=others), limit)
    ]
