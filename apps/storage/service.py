"""The declarations of the storage package: migration in each deployment, maintenance of partitions each night."""

from apps.platform.service import SENSORS, Administer, Connect, Resources, ScheduledService, Task
from apps.storage.settings import StorageSettings

MIGRATION = Task(
    name="migration",
    module="apps.storage",
    arguments=("migrate",),
    settings=StorageSettings,
    needs=(Administer(SENSORS),),
    deadline_seconds=900,
    resources=Resources(cpu="100m", memory="256Mi"),
)

PARTITIONS = ScheduledService(
    name="partitions",
    module="apps.storage",
    arguments=("partitions",),
    settings=StorageSettings,
    needs=(Connect(SENSORS, role="partitions"),),
    schedule="15 3 * * *",
    deadline_seconds=900,
    resources=Resources(cpu="100m", memory="256Mi"),
)
