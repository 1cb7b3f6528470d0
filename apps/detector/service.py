"""The declaration of the detector."""

from apps.detector import metrics
from apps.detector.settings import DetectorSettings
from apps.platform.declaration import Resources, ScheduledService
from apps.platform.needs import Connect, HttpCall, PlatformSignals
from apps.resources import PROMETHEUS, PUSHGATEWAY, SENSORS

GRANTS = {
    "readings_minute": "SELECT",
    "readings_hour": "SELECT",
    "series_forecasts": "SELECT",
    "latest_readings": "SELECT",
    "devices": "SELECT",
    "alerts": "SELECT, INSERT, UPDATE",
    "alert_events": "SELECT, INSERT",
    "detector_memory": "SELECT, INSERT, UPDATE, DELETE",
}

DETECTOR = ScheduledService(
    name="detector",
    module="apps.detector",
    arguments=("run",),
    settings=DetectorSettings,
    needs=(
        Connect(SENSORS, role="detector", grants=GRANTS),
        HttpCall(PROMETHEUS),
        HttpCall(PUSHGATEWAY),
        PlatformSignals(),
    ),
    schedule="*/5 * * * *",
    deadline_seconds=240,
    resources=Resources(cpu="250m", memory="512Mi"),
    metrics=metrics,
)
