"""Alerts: something that a person should look at, from the moment it is noticed until it is over."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from apps.domain.text import STORABLE


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """Acknowledged means that somebody looks after it; only resolved means that it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was noticed. At most one alert is open for each (source, rule)."""

    source: str
    """What it is about: a signal of the platform (`api/cpu`) or a sensor (`device-7/temperature`)."""
    rule: str
    """What noticed it, for example `zscore`."""
    severity: Severity
    message: str
    score: float | None = None
    window_start: datetime | None = None
    window_end: datetime | None = None
    expected: float | None = None
    observed: float | None = None
    model: str | None = None
    model_version: str | None = None


class Alert(Finding, frozen=True, kw_only=True):
    """A finding with its life: opened, perhaps acknowledged, resolved."""

    alert_id: UUID
    state: AlertState
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None


class AlertAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says when acknowledging or resolving."""

    actor: Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=STORABLE)]
    comment: Annotated[str, msgspec.Meta(max_length=2000, pattern=STORABLE)] | None = None
