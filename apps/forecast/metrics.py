"""How far the forecasts are.

What makes them may run where no Pushgateway is: it keeps in the database how it ended, and a job beside the Pushgateway
tells it from there.
"""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

SERIES = Gauge(
    "forecast_series",
    "Series with a forecast whose hours are not over, by the model that made it.",
    ["model"],
    registry=None,
)
LEFT = Gauge("forecast_left_series", "Series that the last run had no time for, of all its machines.", registry=None)
LAST_SUCCESS = Gauge(
    "forecast_last_success_timestamp_seconds",
    "When every series that had enough history could last be forecast, or since when that is waited for.",
    registry=None,
)

JOB = "forecast"


def push(gateway: str, series: dict[str, int], left: int, complete_at: datetime) -> None:
    """Push how many series each model forecasts, and how far that is. Raises OSError."""
    registry = CollectorRegistry()
    for model, count in series.items():
        SERIES.labels(model).set(count)
    LEFT.set(left)
    LAST_SUCCESS.set(complete_at.timestamp())
    for metric in (SERIES, LEFT, LAST_SUCCESS):
        registry.register(metric)
    pushadd_to_gateway(gateway, JOB, registry, timeout=10)
