"""The declaration of the detector."""

from apps.detector.settings import DetectorSettings
from apps.platform.service import PROMETHEUS, PUSHGATEWAY, SENSORS, Call, Connect, Resources, ScheduledService

DETECTOR = ScheduledService(
    name="detector",
    module="apps.detector",
    arguments=("run",),
    settings=DetectorSettings,
    needs=(Connect(SENSORS, role="detector"), Call(PROMETHEUS), Call(PUSHGATEWAY)),
    schedule="*/5 * * * *",
    deadline_seconds=240,
    resources=Resources(cpu="250m", memory="512Mi"),
)
