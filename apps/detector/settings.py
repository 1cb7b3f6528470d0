"""Settings of the detector."""

from pydantic import Field, Json

from apps.detector.signals import PROCESS_SIGNALS, Signal
from apps.platform.settings import DatabaseSettings, ProcessSettings


class DetectorSettings(DatabaseSettings, ProcessSettings):
    """What the detector reads."""

    prometheus_url: str = Field(pattern=r"^https?://", description="Where Prometheus answers queries")
    pushgateway_url: str = Field(pattern=r"^https?://", description="Where predictive_alert is pushed to")
    signals: Json[tuple[Signal, ...]] = Field(
        PROCESS_SIGNALS, description="JSON array of the platform's signals: name, query, direction, floor"
    )
    point_seconds: int = Field(
        300, ge=60, le=3600, multiple_of=60, description="Time that one point of the rarity model sums up"
    )
