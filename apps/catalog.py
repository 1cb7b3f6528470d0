"""Everything that runs. A new service is a line here."""

from apps.api.service import API
from apps.archive.service import ARCHIVE
from apps.detector.service import DETECTOR
from apps.forecast.service import FORECAST, FORECAST_METRICS
from apps.gateway.service import GATEWAY
from apps.ingestor.service import INGESTOR
from apps.longterm.service import LONGTERM
from apps.notifier.service import NOTIFIER
from apps.platform.catalog import Catalog
from apps.platform.declaration import Resources, Scale, StaticSite
from apps.rotation.service import ROTATION, SEED_SECRETS
from apps.rules.service import RULES
from apps.storage.service import DATABASE_METRICS, MIGRATION, PARTITIONS

DASHBOARD = StaticSite(
    name="dashboard",
    scale=Scale(minimum=2, maximum=2),
    resources=Resources(cpu="20m", memory="64Mi"),
    open_paths=("/wall", "/assets/*", "/favicon*.svg"),
)

CATALOG = Catalog(
    (
        SEED_SECRETS,
        MIGRATION,
        GATEWAY,
        INGESTOR,
        RULES,
        API,
        DETECTOR,
        NOTIFIER,
        ARCHIVE,
        LONGTERM,
        FORECAST,
        FORECAST_METRICS,
        PARTITIONS,
        DATABASE_METRICS,
        ROTATION,
        DASHBOARD,
    ),
)
