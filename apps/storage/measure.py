"""One measurement of the database: PostgreSQL is asked about itself, and CloudWatch about its instance."""

import asyncio
import logging
from datetime import UTC, datetime

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Gauge

from apps.platform import aws
from apps.platform.process import FAILED
from apps.storage import metrics
from apps.storage.connection import connected
from apps.storage.metrics import PERIOD, RDS_METRICS
from apps.storage.settings import MeasurementSettings

log = logging.getLogger(__name__)

LATE = 3 * PERIOD
"""CloudWatch may have a figure this late."""


async def measure(settings: MeasurementSettings) -> int:
    """Push what each source says and return the exit code: FAILED when one of them or the Pushgateway does not answer.

    A source that fails is logged, and does not keep the other one from being told.
    """
    figures: dict[Gauge, float] = {}
    failures = 0
    for source in (_of_postgresql, _of_instance):
        try:
            figures |= await source(settings)
        except (asyncpg.PostgresError, OSError, TimeoutError, BotoCoreError, ClientError) as error:
            failures += 1
            log.error("cannot measure %s: %s: %s", source.__name__.removeprefix("_of_"), type(error).__name__, error)
    try:
        await asyncio.to_thread(metrics.push, settings.pushgateway_url, figures, complete=not failures)
    except OSError as error:
        failures += 1
        log.error("cannot push to %s: %s", settings.pushgateway_url, error)
    return FAILED if failures else 0


async def _of_postgresql(settings: MeasurementSettings) -> dict[Gauge, float]:
    async with connected(settings, "monitor") as connection:
        ((sessions, most, size),) = await connection.fetch(_FIGURES)
    return {metrics.CONNECTIONS: sessions, metrics.MAX_CONNECTIONS: most, metrics.SIZE: size}


async def _of_instance(settings: MeasurementSettings) -> dict[Gauge, float]:
    instance = settings.database_instance
    if instance is None:
        return {}
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance}],
                },
                "Period": int(PERIOD.total_seconds()),
                "Stat": "Average",
            },
        }
        for number, metric in enumerate(RDS_METRICS.values())
    ]
    now = datetime.now(UTC)
    answer = await asyncio.to_thread(
        aws.cloudwatch(settings).get_metric_data,
        MetricDataQueries=queries,
        StartTime=now - LATE,
        EndTime=now,
    )
    newest = {
        result["Id"]: max(zip(result["Timestamps"], result["Values"], strict=True), default=None)
        for result in answer["MetricDataResults"]
    }
    return {
        gauge: known[1] * metric.factor
        for number, (gauge, metric) in enumerate(RDS_METRICS.items())
        if (known := newest.get(f"m{number}"))
    }


# Whoever may connect may know this.
_FIGURES = """
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::int,
       current_setting('max_connections')::int,
       pg_database_size(current_database())
"""
