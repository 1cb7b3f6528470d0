"""Settings of the notifier."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Json, StringConstraints

from apps.platform.settings import DatabaseSettings, HttpSettings


class Delivery(BaseModel):
    """What the notifier must know of the routing, which Alertmanager's configuration holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hold_seconds: float = Field(130, ge=1, le=3600)
    webhooks: dict[str, Annotated[str, StringConstraints(pattern=r"^https?://")]] = {}


class NotifierSettings(DatabaseSettings, HttpSettings):
    """What the notifier reads."""

    alertmanager_url: str = Field(pattern=r"^https?://", description="Where Alertmanager takes alerts")
    public_url: str = Field(pattern=r"^https?://", description="Where people reach the dashboard: messages link there")
    webhook_key_file: Path = Field(description="File with the key that the webhooks' own keys are derived from")
    notifications: Json[Delivery] = Field(
        Delivery(),
        description="JSON: `hold_seconds` that an alert is open at Alertmanager at least, `webhooks` by receiver",
    )
    resend_seconds: float = Field(
        60, ge=1, le=300, description="Alerts that are not over are told to Alertmanager again this often"
    )
