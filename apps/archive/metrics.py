"""How the archive is. The job that writes it is gone before anybody could scrape it, so it pushes them."""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

PENDING_DAYS = Gauge("archive_pending_days", "Days that are over and not final.", registry=None)
FAILED_DAYS = Gauge(
    "archive_failed_days", "Days that the last run could not make final, as files and database differ.", registry=None
)
FINAL_DAYS = Gauge("archive_final_days", "Days that are final.", registry=None)
WRITTEN_ROWS = Gauge("archive_written_rows", "Readings that the last run wrote.", registry=None)
WRITTEN_BYTES = Gauge("archive_written_bytes", "Bytes of Parquet that the last run wrote.", registry=None)
LAST_SUCCESS = Gauge(
    "archive_last_success_timestamp_seconds", "When everything that was due could last be made final.", registry=None
)

JOB = "archive"


class Outcome(NamedTuple):
    """What became of a run: days that are final, that are not, that could not be made so; what it wrote."""

    final: int
    pending: int
    failed: int
    rows: int
    bytes: int


def push(gateway: str, outcome: Outcome) -> None:
    """Push what became of a run. Raises OSError.

    Adds to what the gateway holds, so that a failed run does not wipe out when the last good one was.
    """
    registry = CollectorRegistry()
    for gauge, value in zip((FINAL_DAYS, PENDING_DAYS, FAILED_DAYS, WRITTEN_ROWS, WRITTEN_BYTES), outcome, strict=True):
        gauge.set(value)
        registry.register(gauge)
    if not outcome.failed:
        LAST_SUCCESS.set_to_current_time()
        registry.register(LAST_SUCCESS)
    pushadd_to_gateway(gateway, JOB, registry, timeout=10)
