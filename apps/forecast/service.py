"""The declaration of what forecasts each series."""

from apps.forecast import metrics
from apps.forecast.settings import ForecastSettings
from apps.platform.declaration import Resources, ScheduledService
from apps.platform.needs import Connect, HttpCall
from apps.resources import PUSHGATEWAY, SENSORS

GRANTS = {
    "latest_readings": "SELECT",
    "readings_hour": "SELECT",
    "series_forecasts": "SELECT, INSERT, UPDATE, DELETE",
}

FORECAST = ScheduledService(
    name="forecast",
    module="apps.forecast",
    settings=ForecastSettings,
    switch="forecasts",
    needs=(Connect(SENSORS, role="forecast", grants=GRANTS), HttpCall(PUSHGATEWAY)),
    # Four times a day: of a forecast of 24 hours, 18 are still to come when the next is made.
    schedule="10 */6 * * *",
    # Choosing a model takes seconds for each series, and hours for a fleet that is new.
    deadline_seconds=2 * 3600,
    # It holds histories in 100 MiB, and each of its processes pandas and Prophet in 230.
    resources=Resources(cpu="250m", memory="512Mi"),
    metrics=metrics,
)
