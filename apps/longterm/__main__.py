"""`python -m apps.longterm`: take the reports that Spark made into the database."""

import asyncio
import logging

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError

from apps.longterm import metrics
from apps.longterm.errors import ReportError
from apps.longterm.load import load_due, newest_end
from apps.longterm.service import LONGTERM
from apps.longterm.settings import LongTermSettings
from apps.platform.process import FAILED, run_job
from apps.storage.archive.bucket import Bucket
from apps.storage.connection import connected

log = logging.getLogger(__name__)


def main() -> None:
    """Take in what is new and exit: 0 all is there, 1 something failed, 2 bad settings."""
    run_job(LONGTERM, LongTermSettings, _run)


async def _run(settings: LongTermSettings) -> int:
    try:
        async with connected(settings, "longterm") as connection:
            bucket = Bucket(settings, settings.archive_bucket)
            async for loaded in load_due(connection, bucket, settings.report_months):
                log.info("took in a report", extra=loaded._asdict())
            newest = await newest_end(connection)
        if newest:
            await asyncio.to_thread(metrics.push, settings.pushgateway_url, newest)
    except (ReportError, asyncpg.PostgresError, BotoCoreError, ClientError, OSError) as error:
        log.error("longterm: %s: %s", type(error).__name__, error)
        return FAILED
    return 0


if __name__ == "__main__":
    main()
