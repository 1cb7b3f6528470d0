"""The Grafana dashboards, as data that refers to the services' metric objects."""

from apps.observability.dashboards.api import API_PERFORMANCE
from apps.observability.dashboards.database import DATABASE
from apps.observability.dashboards.detector import DETECTOR
from apps.observability.dashboards.ingestor import INGESTOR_LAG
from apps.observability.dashboards.panels import Dashboard
from apps.observability.dashboards.slo import OBJECTIVES
from apps.observability.dashboards.system import SYSTEM

DASHBOARDS: tuple[Dashboard, ...] = (SYSTEM, API_PERFORMANCE, INGESTOR_LAG, DATABASE, OBJECTIVES, DETECTOR)
