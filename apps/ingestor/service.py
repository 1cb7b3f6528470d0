"""The declaration of the ingestor."""

from apps.ingestor.settings import IngestorSettings
from apps.platform.service import READINGS, SENSORS, Connect, Consume, Resources, Scale, Service

INGESTOR = Service(
    name="ingestor",
    module="apps.ingestor",
    settings=IngestorSettings,
    needs=(Consume(READINGS), Connect(SENSORS, role="ingestor")),
    scale=Scale(minimum=2, maximum=8),
    resources=Resources(cpu="250m", memory="384Mi"),
)
