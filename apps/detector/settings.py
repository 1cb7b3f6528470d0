"""Settings of the detector."""

from pydantic import Field

from apps.platform.settings import DatabaseSettings


class DetectorSettings(DatabaseSettings):
    """What the detector reads."""

    prometheus_url: str = Field(pattern=r"^https?://", description="Where Prometheus answers queries")
    pushgateway_url: str = Field(pattern=r"^https?://", description="Where predictive_alert is pushed to")
