"""The declarations of the storage package: migration in each deployment, partitions each night, measurements often."""

from apps.platform.declaration import ReleaseJob, Resources, ScheduledService
from apps.platform.needs import Connect, HttpCall, KnowWhetherKept, MeasureDatabase, OwnDatabase
from apps.resources import ARCHIVE_FILES, PUSHGATEWAY, SENSORS
from apps.storage import metrics
from apps.storage.settings import MeasurementSettings, MigrationSettings, StorageSettings

MIGRATION = ReleaseJob(
    name="migration",
    module="apps.migration",
    image="storage",
    settings=MigrationSettings,
    needs=(OwnDatabase(SENSORS),),
    deadline_seconds=900,
    resources=Resources(cpu="100m", memory="256Mi"),
)

PARTITIONS = ScheduledService(
    name="partitions",
    module="apps.storage",
    arguments=("partitions",),
    settings=StorageSettings,
    needs=(
        Connect(
            SENSORS,
            role="partitions",
            grants={
                "alert_events": "SELECT, DELETE",
                "alerts": "SELECT, UPDATE, DELETE",  # UPDATE: to lock the rows that go
                "archive_days": "SELECT",
                "audit_events": "SELECT, DELETE",
                "credential_changes": "SELECT, UPDATE",
                "credential_uses": "SELECT, DELETE",
                "device_credentials": "SELECT, UPDATE, DELETE",
                "devices": "SELECT",
                "fleet_keys": "SELECT",
                "latest_readings": "SELECT, DELETE",
                "reading_log": "SELECT, DELETE",
                "readings_day": "SELECT",
                "rejected_records": "SELECT, DELETE",
                "upload_generations": "SELECT, DELETE",
            },
            functions=("ensure_partition(timestamptz)", "drop_partition(text)"),
        ),
        KnowWhetherKept(ARCHIVE_FILES),
    ),
    schedule="15 3 * * *",
    deadline_seconds=900,
    resources=Resources(cpu="100m", memory="256Mi"),
)

DATABASE_METRICS = ScheduledService(
    name="database-metrics",
    module="apps.storage",
    arguments=("measure",),
    settings=MeasurementSettings,
    needs=(MeasureDatabase(SENSORS), HttpCall(PUSHGATEWAY)),
    # Not in the minute of the detector, so that one place for a pod serves both.
    schedule="3-59/5 * * * *",
    deadline_seconds=120,
    resources=Resources(cpu="50m", memory="128Mi"),
    metrics=metrics,
)
