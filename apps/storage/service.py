"""The declarations of the storage package: upkeep of partitions, each night."""

from apps.platform.service import SENSORS, Connect, Resources, ScheduledService
from apps.storage.settings import StorageSettings

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
