"""What an operator sees of the ingestor. Each process exports the shards that it reads."""

from enum import StrEnum

from prometheus_client import Counter, Gauge, Histogram

BATCH_LAG = Gauge(
    "ingestor_batch_lag_seconds",
    "Age of the newest moment up to which everything that arrived on the shard is stored.",
    ["shard_id"],
)
BEHIND_LATEST = Gauge("ingestor_behind_latest_seconds", "How far reading is behind the end of the shard.", ["shard_id"])
DELIVERY_SECONDS = Histogram(
    "ingestor_delivery_seconds",
    "Time from a record's receipt by the gateway to its commit.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 30, 60, 300, 3600),
)


class Outcome(StrEnum):
    """What became of a reading: the label of `RECORDS`."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DECLINED = "declined"
    """Right by itself, and not stored for what only the database knows: another value is kept, or a metric too many."""


RECORDS = Counter("ingestor_records_total", "Readings by what became of them.", ["outcome"])
REJECTS = Counter("ingestor_rejects_total", "Items that were rejected, by cause.", ["cause"])
REJECTS_NOT_KEPT = Counter(
    "ingestor_rejects_not_kept_total", "Rejected items beyond what is kept of one record, or of one device in a day."
)

COMMIT_SECONDS = Histogram(
    "ingestor_commit_seconds",
    "Time of one write, from its first statement to its commit.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
COMMIT_ROWS = Histogram(
    "ingestor_commit_rows", "Readings of one write.", buckets=(1, 10, 50, 100, 500, 1000, 2500, 5000, 10000, 50000)
)

LEASES = Gauge("ingestor_leases", "Shards that this process reads.")
UNREAD_SHARDS = Gauge("ingestor_unread_shards", "Shards that could be read and that nobody holds a live lease of.")
LEASE_CHANGES = Counter("ingestor_lease_changes_total", "Leases by how they came and went.", ["change"])

FENCED_WRITES = Counter("ingestor_fenced_writes_total", "Writes that the database turned down: the lease had moved on.")
FROZEN_SESSIONS = Counter("ingestor_frozen_sessions_total", "Database sessions of frozen workers that were ended.")
RETENTION_GAPS = Counter(
    "ingestor_retention_gaps_total", "Times that a shard was not read for longer than the stream keeps records."
)
RESTARTS = Counter("ingestor_shard_restarts_total", "Times that reading began again at the checkpoint.", ["error"])
KINESIS_ERRORS = Counter("ingestor_kinesis_errors_total", "Kinesis calls that failed.", ["operation", "code"])

for outcome in Outcome:
    RECORDS.labels(outcome)
