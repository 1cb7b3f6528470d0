"""The declarations of what forecasts each series, and of what tells how far that is."""

from apps.forecast import metrics
from apps.forecast.settings import ForecastMetricsSettings, ForecastSettings
from apps.platform.declaration import Resources, ScheduledService
from apps.platform.needs import Connect, HttpCall
from apps.resources import PUSHGATEWAY, SENSORS

GRANTS = {
    "latest_readings": "SELECT",
    "readings_hour": "SELECT",
    "series_forecasts": "SELECT, INSERT, UPDATE, DELETE",
    "forecast_runs": "SELECT, INSERT, UPDATE, DELETE",
}

FORECAST = ScheduledService(
    name="forecast",
    module="apps.forecast",
    settings=ForecastSettings,
    switch="forecasts",
    # Nothing of the cluster: it runs on SageMaker too (components/workload/processing.py).
    needs=(Connect(SENSORS, role="forecast", grants=GRANTS),),
    # Four times a day: of a forecast of 24 hours, 18 are still to come when the next is made.
    schedule="10 */6 * * *",
    # Choosing a model takes seconds for each series, and hours for a fleet that is new.
    deadline_seconds=2 * 3600,
    # It holds histories in 100 MiB, and each of its processes pandas and Prophet in 230.
    resources=Resources(cpu="250m", memory="512Mi"),
)

FORECAST_METRICS = ScheduledService(
    name="forecast-metrics",
    module="apps.forecast.report",
    image="forecast",
    settings=ForecastMetricsSettings,
    switch="forecasts",
    needs=(
        Connect(
            SENSORS,
            role="forecast_metrics",
            grants={"series_forecasts": "SELECT", "forecast_runs": "SELECT, INSERT"},
        ),
        HttpCall(PUSHGATEWAY),
    ),
    # Not in the minutes of the detector, nor of what measures the database: one place for a pod serves all.
    schedule="9-59/10 * * * *",
    deadline_seconds=120,
    resources=Resources(cpu="50m", memory="128Mi"),
    metrics=metrics,
)
