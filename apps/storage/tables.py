"""The tables as they are now. Migrations bring them about; a test says when the two differ.

Every query in the code refers to these objects or to these names.
"""

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from apps.domain.alerts import AlertState, Severity
from apps.storage import forecast_tables, report_tables, view_tables  # noqa: F401 - of the same metadata
from apps.storage.metadata import CLOCK, NOW, TIME
from apps.storage.metadata import metadata as metadata

IS_UNRESOLVED = f"state <> '{AlertState.RESOLVED}'"
"""The condition on `alerts` that their unique index has, so that an upsert can name it."""


def _one_of(column: str, values: type[StrEnum]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(str(value)) for value in values)})", name=column)


devices = sa.Table(
    "devices",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("labels", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("attributes", pg.JSONB, nullable=False, server_default="{}"),
    sa.Column("created_at", TIME, nullable=False, server_default=NOW),
    sa.Column("updated_at", TIME, nullable=False, server_default=NOW),
)

# What devices prove themselves with: digests alone. No reference to `devices`: what a deleted device held must stay
# revoked. replaces: the credential that it was made to take the place of. version: of `credential_changes`.
device_credentials = sa.Table(
    "device_credentials",
    metadata,
    sa.Column("credential_id", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text, nullable=False, index=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("fleet_key_id", sa.Text),
    sa.Column("replaces", sa.Text),
    sa.Column("expires_at", TIME),
    sa.Column("revoked_at", TIME),
    sa.Column("version", sa.BigInteger, nullable=False, index=True),
)

# When each was used. Beside the credentials, because whoever notes a use may change nothing else of them.
credential_uses = sa.Table(
    "credential_uses",
    metadata,
    sa.Column("credential_id", sa.Text, primary_key=True),
    sa.Column("first_used_at", TIME, nullable=False),
    sa.Column("last_used_at", TIME, nullable=False),
)

# Upload URLs of a device that were signed in an earlier generation are void. A device that is not here is in generation
# 0; a deleted device keeps its row until no URL that was signed before is valid.
upload_generations = sa.Table(
    "upload_generations",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("raised_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("version", sa.BigInteger, nullable=False, index=True),
)

# One row: the number of the newest change of the two tables above that have a version. Each change raises it first, so
# changes become visible in the order of their versions, and whoever follows them misses none.
credential_changes = sa.Table(
    "credential_changes", metadata, sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False)
)

# By which devices that nobody registered register themselves: of these kinds, with these labels, so many, until then.
fleet_keys = sa.Table(
    "fleet_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("kinds", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("labels", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("max_devices", sa.Integer, nullable=False),
    sa.Column("registered", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", TIME, nullable=False),
    sa.Column("revoked_at", TIME),
    sa.Column("last_used_at", TIME),
)

# The code on a device's label, as a digest, and who bound the device with it.
device_claims = sa.Table(
    "device_claims",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("claimed_at", TIME),
    sa.Column("claimed_by", sa.Text),
)

# Range-partitioned by month of ts. The key is what the device measured, so a retry cannot double a reading.
sensor_readings = sa.Table(
    "sensor_readings",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("ts", TIME, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("received_at", TIME, nullable=False),
    sa.Column("stored_at", TIME, nullable=False, server_default=CLOCK),
    # Counting and following what was stored lately; BRIN costs kilobytes where a B-tree costs gigabytes.
    sa.Index("sensor_readings_stored_at_brin", "stored_at", postgresql_using="brin"),
    postgresql_partition_by="RANGE (ts)",
)

# Also range-partitioned by month, each with its own retention. Sums, not averages: two rollups add up. Who stores
# readings writes the minutes; triggers write hours and days, and all three where readings are deleted.
readings_minute, readings_hour, readings_day = (
    sa.Table(
        f"readings_{level}",
        metadata,
        sa.Column("device_id", sa.Text, primary_key=True),
        sa.Column("metric", sa.Text, primary_key=True),
        sa.Column(level, TIME, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("sum", sa.Double, nullable=False),
        sa.Column("min", sa.Double, nullable=False),
        sa.Column("max", sa.Double, nullable=False),
        postgresql_partition_by=f"RANGE ({level})",
    )
    for level in ("minute", "hour", "day")
)

# Newest by event time, never by arrival. stored_at tells what changed since one looked, first_stored_at since when the
# device has the metric.
latest_readings = sa.Table(
    "latest_readings",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("ts", TIME, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("received_at", TIME, nullable=False),
    sa.Column("stored_at", TIME, nullable=False, server_default=CLOCK, index=True),
    sa.Column("first_stored_at", TIME, nullable=False, server_default=CLOCK),
)

# What could not be stored, with where it came from. position: place of the item inside the Kinesis record, and for what
# the gateway refused the place inside the request, which received_at then names: a record that was put twice, because
# nobody knew whether the first put had arrived, is kept once.
rejected_records = sa.Table(
    "rejected_records",
    metadata,
    sa.Column("rejected_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("shard_id", sa.Text, nullable=False),
    sa.Column("sequence_number", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("device_id", sa.Text),
    sa.Column("received_at", TIME),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("rejected_at", TIME, nullable=False, server_default=CLOCK, index=True),
    sa.Index("rejected_records_device_id_rejected_id_idx", "device_id", "rejected_id"),
    sa.Index(
        "rejected_records_request_key",
        "device_id",
        "received_at",
        "position",
        unique=True,
        postgresql_where=sa.text("received_at IS NOT NULL"),
    ),
)

# One row a shard: who reads it (owner, fenced by epoch, until expires_at by the database's clock) and how far it got.
# checkpoint: the last sequence number whose readings are committed, null before the first.
# read_until: all that arrived before this time is committed. Older than the retention: some was lost.
# finished: drained and closed.
shard_leases = sa.Table(
    "shard_leases",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("shard_id", sa.Text, primary_key=True),
    sa.Column("parents", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("owner", sa.Text),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("expires_at", TIME),
    sa.Column("checkpoint", sa.Text),
    sa.Column("read_until", TIME, nullable=False, server_default=CLOCK),
    sa.Column("finished", sa.Boolean, nullable=False, server_default=sa.false()),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("alert_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default=AlertState.OPEN),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("device_id", sa.Text),
    sa.Column("kind", sa.Text),
    sa.Column("metric", sa.Text),
    sa.Column("unit", sa.Text),
    sa.Column("since", TIME),
    sa.Column("threshold", sa.Double),
    sa.Column("labels", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("rule_version", sa.Integer),
    sa.Column("score", sa.Double),
    sa.Column("window_start", TIME),
    sa.Column("window_end", TIME),
    sa.Column("expected", sa.Double),
    sa.Column("observed", sa.Double),
    sa.Column("model", sa.Text),
    sa.Column("model_version", sa.Text),
    sa.Column("opened_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("updated_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("acknowledged_at", TIME),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("resolved_at", TIME),
    sa.Column("resolved_by", sa.Text),
    sa.Column("snoozed_until", TIME),
    _one_of("severity", Severity),
    _one_of("state", AlertState),
    sa.Index("alerts_opened_at_idx", "opened_at", "alert_id"),
    sa.Index("alerts_source_rule_resolved_at_idx", "source", "rule", "resolved_at"),
    sa.Index("alerts_resolved_at_idx", "resolved_at"),
    sa.Index(
        "alerts_source_rule_unresolved_key", "source", "rule", unique=True, postgresql_where=sa.text(IS_UNRESOLVED)
    ),
)

# Alerts that Alertmanager took: what was over before it could hear of it is told all the same.
alert_notifications = sa.Table(
    "alert_notifications",
    metadata,
    sa.Column("alert_id", sa.Uuid, sa.ForeignKey("alerts.alert_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("first_sent_at", TIME, nullable=False, server_default=CLOCK),
)

# Who did what, never changed. happened_at: in the readings' own time, where readings made it happen.
alert_events = sa.Table(
    "alert_events",
    metadata,
    sa.Column("event_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("alert_id", sa.Uuid, sa.ForeignKey("alerts.alert_id"), nullable=False, index=True),
    sa.Column("at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("happened_at", TIME),
    sa.Column("snoozed_until", TIME),
)

# Keys of programs. key_id is part of the key and no secret; of the rest only the SHA-256 is kept, as it is random.
# labels: the only devices that the key may see, those with one of them; null: all. A revoked key stays, for the trail.
api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("key_hash", pg.BYTEA, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("labels", pg.ARRAY(sa.Text)),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("expires_at", TIME),
    sa.Column("last_used_at", TIME),
    sa.Column("revoked_at", TIME),
    sa.Column("revoked_by", sa.Text),
)

# Of people whom the API signed in: of the cookie only its SHA-256, as it is random. Signing out deletes the row.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_hash", pg.BYTEA, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("groups", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("created_at", TIME, nullable=False, server_default=NOW),
    sa.Column("expires_at", TIME, nullable=False, index=True),
)

# Who changed what, from where, and what it was before and after. Services may add to it and read it, nothing else.
audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("event_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("before", pg.JSONB),
    sa.Column("after", pg.JSONB),
    sa.Index("audit_events_subject_event_id_idx", "subject", "event_id"),
    sa.Index("audit_events_actor_event_id_idx", "actor", "event_id"),
)

# What people want to be told of: the newest version of each rule.
rules = sa.Table(
    "rules",
    metadata,
    sa.Column("rule_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("spec", pg.JSONB, nullable=False),
    sa.Column("updated_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("updated_by", sa.Text, nullable=False),
)

# Every version that a rule had, never changed. spec: null where the rule was deleted.
rule_versions = sa.Table(
    "rule_versions",
    metadata,
    sa.Column("rule_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("spec", pg.JSONB),
    sa.Column("changed_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("changed_by", sa.Text, nullable=False),
)

# What was stored lately, until it is judged: `apps.storage.reading_log`. xid: the transaction that stored it.
reading_log = sa.Table(
    "reading_log",
    metadata,
    sa.Column("partition", sa.SmallInteger, primary_key=True),
    sa.Column("xid", sa.BigInteger, primary_key=True, server_default=sa.text("((pg_current_xact_id())::text)::bigint")),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("logged_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("readings", sa.LargeBinary, nullable=False),
)

# One row for each part of the log: who judges it (owner, fenced by epoch, until expires_at by the database's clock),
# the transactions that are judged (all below seen_below but those under way), and what is remembered of its series.
rule_partitions = sa.Table(
    "rule_partitions",
    metadata,
    sa.Column("partition", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.Text),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("expires_at", TIME),
    sa.Column("seen_below", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("under_way", pg.ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
    sa.Column("memory", sa.LargeBinary),
    sa.Column("checkpoint_at", TIME, nullable=False, server_default=CLOCK),
)

# What a detector remembers of a signal between two runs.
detector_memory = sa.Table(
    "detector_memory",
    metadata,
    sa.Column("signal", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("memory", pg.JSONB, nullable=False),
    sa.Column("updated_at", TIME, nullable=False, server_default=CLOCK),
)

# Days that lie in the archive exactly as the database held them: how many readings, in which version, by the ETag of
# the manifest. The archive's own manifests are the truth; this lets a night find what changed without reading them.
archive_days = sa.Table(
    "archive_days",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("archived_at", TIME, nullable=False, server_default=CLOCK),
)

# One row, written by the migration: the oldest revision whose code can use this schema. A release that does not know it
# may not run.
schema_support = sa.Table("schema_support", metadata, sa.Column("oldest_revision", sa.Text, primary_key=True))

PARTITIONED = (sensor_readings, readings_minute, readings_hour, readings_day)
"""Tables with a partition for each month."""
