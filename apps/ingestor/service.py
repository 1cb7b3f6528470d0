"""The declaration of the ingestor."""

from apps.ingestor import metrics
from apps.ingestor.settings import IngestorSettings
from apps.platform.declaration import Resources, Scale, Service
from apps.platform.needs import Connect, Consume
from apps.resources import READINGS, SENSORS

GRANTS = {
    "sensor_readings": "SELECT, INSERT",
    "readings_minute": "SELECT, INSERT, UPDATE",
    "latest_readings": "SELECT, INSERT, UPDATE",
    "reading_log": "INSERT",
    "devices": "SELECT, INSERT",
    "rejected_records": "SELECT, INSERT",
    "shard_leases": "SELECT, INSERT, UPDATE, DELETE",
}

INGESTOR = Service(
    name="ingestor",
    module="apps.ingestor",
    settings=IngestorSettings,
    needs=(
        Consume(READINGS),
        Connect(SENSORS, role="ingestor", grants=GRANTS, functions=("ensure_partition(timestamptz)",)),
    ),
    scale=Scale(minimum=2, maximum=8),
    resources=Resources(cpu="250m", memory="384Mi"),
    metrics=metrics,
)
