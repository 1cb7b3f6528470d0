"""A batch: records of one shard in their order, to be written in one transaction."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from apps.ingestor.records import LocatedReading, Record, RejectCause, RejectedItem, parse_record


@dataclass(slots=True)
class Batch:
    """What was read and is not yet written."""

    retention_months: int
    readings: list[LocatedReading] = field(default_factory=list)
    rejected: list[RejectedItem] = field(default_factory=list)
    further_rejected: Counter[RejectCause] = field(default_factory=Counter)
    """How many more were rejected, of which nothing else is kept."""
    vouched: set[str] = field(default_factory=set)
    """Devices that the gateway let in."""
    traceparents: list[str] = field(default_factory=list)
    received_at: list[datetime] = field(default_factory=list)
    """When each record that holds readings was received."""
    last_record: Record | None = None

    def add(self, record: Record) -> None:
        """Add the next record of the shard."""
        parsed = parse_record(record, self.retention_months)
        if parsed.readings:
            self.received_at.append(parsed.readings[0].reading.received_at)
        self.readings += parsed.readings
        self.rejected += parsed.rejected
        self.further_rejected += parsed.further_rejected
        self.vouched |= parsed.vouched
        self.traceparents += parsed.traceparents
        self.last_record = record

    def __len__(self) -> int:
        return len(self.readings) + len(self.rejected)
