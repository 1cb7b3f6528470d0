"""Every service of the platform."""

from apps.api.service import API
from apps.detector.service import DETECTOR
from apps.gateway.service import GATEWAY
from apps.ingestor.service import INGESTOR
from apps.platform.service import AnyService
from apps.storage.service import PARTITIONS

SERVICES: tuple[AnyService, ...] = (GATEWAY, INGESTOR, API, DETECTOR, PARTITIONS)
