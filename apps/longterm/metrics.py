"""How far Spark's reports are. The job that takes them in is gone before anybody could scrape it, so it pushes it."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

NEWEST_MONTH = Gauge(
    "longterm_newest_month_timestamp_seconds",
    "End of the newest month that the database has a report of.",
    registry=None,
)

JOB = "longterm"


def push(gateway: str, newest: datetime) -> None:
    """Push when the newest month ended that the database has a report of. Raises OSError."""
    registry = CollectorRegistry()
    NEWEST_MONTH.set(newest.timestamp())
    registry.register(NEWEST_MONTH)
    pushadd_to_gateway(gateway, JOB, registry, timeout=10)
