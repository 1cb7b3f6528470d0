"""How the database is. The job that measures it is gone before anybody could scrape it, so it pushes them.

A figure that its source does not have (CPU credits of an instance that needs none) is not pushed.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

# What PostgreSQL says of itself.
CONNECTIONS = Gauge("database_connections", "Sessions of clients.", registry=None)
MAX_CONNECTIONS = Gauge("database_max_connections", "Sessions that the server allows.", registry=None)
SIZE = Gauge("database_size_bytes", "Bytes of the database with its indexes.", registry=None)

# What CloudWatch says of its instance.
FREE_STORAGE = Gauge("database_free_storage_bytes", "Bytes left of the instance's storage.", registry=None)
CPU = Gauge("database_cpu_ratio", "Part of the instance's CPU that is in use.", registry=None)
CPU_CREDITS = Gauge("database_cpu_credits", "CPU credits that a burstable instance has saved.", registry=None)
CPU_SURPLUS_CREDITS = Gauge(
    "database_cpu_surplus_credits", "CPU credits that a burstable instance spent and has not earned.", registry=None
)

LAST_MEASURED = Gauge(
    "database_last_measured_timestamp_seconds", "When everything could last be measured.", registry=None
)

JOB = "database"

PERIOD = timedelta(minutes=5)
"""Between two measurements. CloudWatch has CPU credits no finer."""


class RdsMetric(NamedTuple):
    """A metric of AWS/RDS, and what its values are multiplied with to be ours."""

    name: str
    factor: float = 1


RDS_METRICS: Mapping[Gauge, RdsMetric] = {
    FREE_STORAGE: RdsMetric("FreeStorageSpace"),
    CPU: RdsMetric("CPUUtilization", 0.01),
    CPU_CREDITS: RdsMetric("CPUCreditBalance"),
    CPU_SURPLUS_CREDITS: RdsMetric("CPUSurplusCreditBalance"),
}
"""What CloudWatch is asked for; AWS bills each time."""


def push(gateway: str, figures: Mapping[Gauge, float], *, complete: bool) -> None:
    """Push what was measured; `complete`: every source answered. Raises OSError.

    Adds to what the gateway holds, so that a failed run does not wipe out when the last good one was.
    """
    registry = CollectorRegistry()
    for gauge, value in figures.items():
        gauge.set(value)
        registry.register(gauge)
    if complete:
        LAST_MEASURED.set_to_current_time()
        registry.register(LAST_MEASURED)
    pushadd_to_gateway(gateway, JOB, registry, timeout=10)
