"""Settings of the detector."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import from_json

from apps.detector.signals import PROCESS_SIGNALS, Signal
from apps.platform.settings import DatabaseSettings


def _decode(value: Any) -> Any:
    return from_json(value) if isinstance(value, str) else value


class DetectorSettings(DatabaseSettings):
    """What the detector reads."""

    prometheus_url: str = Field(pattern=r"^https?://", description="Where Prometheus answers queries")
    pushgateway_url: str = Field(pattern=r"^https?://", description="Where predictive_alert is pushed to")
    signals: Annotated[tuple[Signal, ...], BeforeValidator(_decode)] = Field(
        PROCESS_SIGNALS, description="JSON array of the platform's signals: name, query, direction, floor"
    )
    point_seconds: int = Field(
        300, ge=60, le=3600, multiple_of=60, description="Time that one point of the rarity model sums up"
    )
