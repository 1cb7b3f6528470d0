"""How far the forecasts are. The job that makes them is gone before anybody could scrape it, so it pushes it."""

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

SERIES = Gauge(
    "forecast_series",
    "Series with a forecast whose hours are not over, by the model that made it.",
    ["model"],
    registry=None,
)
LEFT = Gauge("forecast_left_series", "Series that the last run had no time for.", registry=None)
LAST_SUCCESS = Gauge(
    "forecast_last_success_timestamp_seconds",
    "When every series that had enough history could last be forecast.",
    registry=None,
)

JOB = "forecast"


def push(gateway: str, series: dict[str, int], left: int) -> None:
    """Push how a run ended: series of each model, and how many it left. Raises OSError."""
    registry = CollectorRegistry()
    for model, count in series.items():
        SERIES.labels(model).set(count)
    LEFT.set(left)
    registry.register(SERIES)
    registry.register(LEFT)
    if left == 0:
        LAST_SUCCESS.set_to_current_time()
        registry.register(LAST_SUCCESS)
    pushadd_to_gateway(gateway, JOB, registry, timeout=10)
