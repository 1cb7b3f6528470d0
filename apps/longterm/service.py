"""The declaration of what takes Spark's reports into the database, where people see them."""

from apps.longterm import metrics
from apps.longterm.settings import LongTermSettings
from apps.platform.declaration import Resources, ScheduledService
from apps.platform.needs import Connect, HttpCall, ReadFiles
from apps.resources import ARCHIVE_FILES, PUSHGATEWAY, SENSORS
from apps.storage.archive.manifest import REPORTS

GRANTS = {"series_reports": "SELECT, INSERT, DELETE", "report_months": "SELECT, INSERT, DELETE"}

LONGTERM = ScheduledService(
    name="longterm",
    module="apps.longterm",
    switch="archive",
    settings=LongTermSettings,
    needs=(
        Connect(SENSORS, role="longterm", grants=GRANTS),
        ReadFiles(ARCHIVE_FILES, folders=(REPORTS,)),
        HttpCall(PUSHGATEWAY),
    ),
    # Spark has a night for it (components/account/spark_reports.py); that it is late shows a day later.
    schedule="0 13 * * *",
    deadline_seconds=600,
    resources=Resources(cpu="100m", memory="256Mi"),
    metrics=metrics,
)
