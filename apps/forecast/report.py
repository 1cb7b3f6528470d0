"""`python -m apps.forecast.report`: tell Prometheus how far the forecasts are."""

import asyncio
import logging
from datetime import UTC, datetime

import asyncpg

from apps.forecast import metrics, store
from apps.forecast.service import FORECAST_METRICS
from apps.forecast.settings import ForecastMetricsSettings
from apps.platform.process import FAILED, run_job
from apps.storage.connection import connected

log = logging.getLogger(__name__)


def main() -> None:
    """Push what the database says and exit: 0 it was told; 1 something failed, 2 bad settings."""
    run_job(FORECAST_METRICS, ForecastMetricsSettings, _tell)


async def _tell(settings: ForecastMetricsSettings) -> int:
    try:
        async with connected(settings, "forecast-metrics") as connection:
            left, complete_at = await store.progress(connection, datetime.now(UTC))
            series = await store.count(connection)
        await asyncio.to_thread(metrics.push, settings.pushgateway_url, series, left, complete_at)
    except (asyncpg.PostgresError, OSError) as error:
        log.error("forecast-metrics: %s: %s", type(error).__name__, error)
        return FAILED
    return 0


if __name__ == "__main__":
    main()
