"""What an operator sees of the rules service."""

from prometheus_client import Counter, Gauge, Histogram

READINGS_JUDGED = Counter("rules_readings_total", "Readings that were judged.")
HISTORY = Counter("rules_history_total", "Readings older than the newest of their series, which no rule judges.")
ALERT_CHANGES = Counter("rules_alerts_total", "Alerts by what became of them.", ["change"])
OPEN_SECONDS = Histogram(
    "rules_open_seconds",
    "Time from the receipt of the reading that opens an alert to the commit of the alert.",
    buckets=(0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 30, 60, 300, 3600),
)
JUDGED_SECONDS = Histogram(
    "rules_judged_seconds",
    "Time from the receipt of the oldest reading of a commit until all of it was judged, and its alerts opened.",
    buckets=(0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 30, 60, 300, 3600),
)
BEHIND_SECONDS = Gauge("rules_behind_seconds", "Age of what is stored and not judged yet, at worst, of this process.")
LOOKED = Gauge("rules_last_look_timestamp_seconds", "When this process last looked at all of its parts.")
LEASED_PARTITIONS = Gauge("rules_partitions", "Parts of the reading log that this process judges.")
LEASE_CHANGES = Counter("rules_lease_changes_total", "Leases by how they came and went.", ["change"])
FENCED_WRITES = Counter("rules_fenced_writes_total", "Writes that the database turned down: the lease had moved on.")
RESTARTS = Counter("rules_restarts_total", "Times that judging began again at the last checkpoint.", ["error"])
SEEDED = Counter("rules_seeded_total", "Parts whose memory began from the newest readings, not from a checkpoint.")
LOOK_SECONDS = Histogram(
    "rules_look_seconds",
    "Time of one look at one part of the reading log.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
