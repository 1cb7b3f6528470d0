"""What the services of this product share: its stream, its database, its secrets, what it watches itself with."""

from apps.platform.resources import Database, Endpoint, FileStore, Secret, Stream

READINGS = Stream("readings")

SENSORS = Database(
    "sensors",
    tables=frozenset(
        {
            "alert_events",
            "alert_notifications",
            "alerts",
            "archive_days",
            "api_keys",
            "audit_events",
            "credential_changes",
            "credential_uses",
            "detector_memory",
            "device_claims",
            "device_credentials",
            "devices",
            "fleet_keys",
            "forecast_runs",
            "latest_readings",
            "readings_day",
            "readings_hour",
            "readings_minute",
            "rejected_records",
            "reading_log",
            "report_months",
            "rule_partitions",
            "rule_versions",
            "rules",
            "schema_support",
            "sensor_readings",
            "series_forecasts",
            "series_reports",
            "sessions",
            "shard_leases",
            "upload_generations",
            "viewing_links",
        }
    ),
    functions=frozenset({"drop_partition(text)", "ensure_partition(timestamptz)"}),
)

ARCHIVE_FILES = FileStore("archive")

SIGNING_KEYS = Secret("signing-keys")
OPERATOR_TOKEN = Secret("operator-token")
WEBHOOK_KEY = Secret("webhook-key")
ALERTMANAGER = Endpoint("alertmanager")
PROMETHEUS = Endpoint("prometheus")
PUSHGATEWAY = Endpoint("pushgateway")
