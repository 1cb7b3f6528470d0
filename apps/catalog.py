"""Every service of the platform."""

from apps.api.service import API
from apps.detector.service import DETECTOR
from apps.gateway.service import GATEWAY
from apps.ingestor.service import INGESTOR
from apps.platform.service import AnyService, Resources, Scale, Task, Website
from apps.rotation.service import ROTATION, SEED_SECRETS
from apps.storage.service import MIGRATION, PARTITIONS

SERVICES: tuple[AnyService, ...] = (GATEWAY, INGESTOR, API, DETECTOR, PARTITIONS, ROTATION)

TASKS: tuple[Task, ...] = (SEED_SECRETS, MIGRATION)
"""What runs in a deployment before the services."""

DASHBOARD = Website(name="dashboard", scale=Scale(minimum=2, maximum=2), resources=Resources(cpu="20m", memory="64Mi"))
