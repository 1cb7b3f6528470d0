"""The declarations of the storage package: migration in each deployment, maintenance of partitions each night."""

from apps.platform.declaration import ReleaseJob, Resources, ScheduledService
from apps.platform.needs import Connect, OwnDatabase
from apps.resources import SENSORS
from apps.storage.settings import MigrationSettings, StorageSettings

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
            grants={"latest_readings": "SELECT, DELETE", "rejected_records": "SELECT, DELETE"},
            functions=("ensure_partition(timestamptz)", "drop_partition(text)"),
        ),
    ),
    schedule="15 3 * * *",
    deadline_seconds=900,
    resources=Resources(cpu="100m", memory="256Mi"),
)
