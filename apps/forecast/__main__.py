"""`python -m apps.forecast`: forecast the next day of every series, or of this machine's share of them."""

import logging
from concurrent.futures import BrokenExecutor
from datetime import UTC, datetime

import asyncpg

from apps.forecast.run import run
from apps.forecast.service import FORECAST
from apps.forecast.settings import ForecastSettings
from apps.forecast.share import share
from apps.platform.process import FAILED, run_job
from apps.storage.connection import connected

log = logging.getLogger(__name__)


def main() -> None:
    """Make what is due and exit: 0 all is made, or the next run goes on; 1 something failed, 2 bad settings."""
    run_job(FORECAST, ForecastSettings, _run)


async def _run(settings: ForecastSettings) -> int:
    try:
        part = share(settings.resource_config_file)
        async with connected(settings, "forecast") as connection:
            done = await run(connection, settings, datetime.now(UTC), part)
        log.info("made forecasts", extra={**done._asdict(), "share": f"{part.number + 1} of {part.of}"})
    except (asyncpg.PostgresError, BrokenExecutor, OSError, ValueError) as error:
        log.error("forecast: %s: %s", type(error).__name__, error)
        return FAILED
    return 0


if __name__ == "__main__":
    main()
