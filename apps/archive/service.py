"""The declaration of the archive: each night, what is over becomes final."""

from apps.archive import metrics
from apps.archive.settings import ArchiveSettings
from apps.platform.declaration import Resources, ScheduledService
from apps.platform.needs import Connect, HttpCall, KeepFiles
from apps.resources import ARCHIVE_FILES, PUSHGATEWAY, SENSORS

GRANTS = {
    # DELETE, here and below: what `forget` takes out.
    "sensor_readings": "SELECT, DELETE",
    "readings_minute": "SELECT, DELETE",
    "readings_hour": "SELECT, DELETE",
    "readings_day": "SELECT, DELETE",
    "latest_readings": "SELECT, DELETE",
    "rejected_records": "SELECT, DELETE",
    "series_reports": "SELECT, DELETE",
    "series_forecasts": "SELECT, DELETE",
    "devices": "SELECT",
    "archive_days": "SELECT, INSERT, UPDATE",
}

ARCHIVE = ScheduledService(
    name="archive",
    module="apps.archive",
    switch="archive",
    settings=ArchiveSettings,
    needs=(Connect(SENSORS, role="archive", grants=GRANTS), KeepFiles(ARCHIVE_FILES), HttpCall(PUSHGATEWAY)),
    # Hours after the days are over, and before months are dropped.
    schedule="30 2 * * *",
    deadline_seconds=6 * 3600,
    resources=Resources(cpu="500m", memory="768Mi"),
    metrics=metrics,
)
