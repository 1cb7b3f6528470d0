"""A batch: records of one shard in their order, to be written in one transaction."""

import time
from dataclasses import dataclass, field
from datetime import datetime

from apps.ingestor.records import Placed, Record, Reject, read


@dataclass(slots=True)
class Batch:
    """What was read and is not yet written."""

    readings: list[Placed] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    traceparents: list[str] = field(default_factory=list)
    received_at: list[datetime] = field(default_factory=list)
    """When each record that holds readings was received."""
    last: Record | None = None
    opened: float = 0.0
    """When the first record was added, on the monotonic clock, in seconds."""

    def add(self, record: Record) -> None:
        """Add the next record of the shard."""
        contents = read(record)
        if self.last is None:
            self.opened = time.monotonic()
        if contents.readings:
            self.received_at.append(contents.readings[0].reading.received_at)
        self.readings += contents.readings
        self.rejects += contents.rejects
        self.traceparents += contents.traceparents
        self.last = record

    def __len__(self) -> int:
        return len(self.readings) + len(self.rejects)
