"""Alerts: something that a person should look at, from the moment it is noticed until it is over."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec

from apps.domain.text import NO_NUL_PATTERN


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


class AlertTransition(StrEnum):
    """What can happen to an alert. The value is the word of its event in the alert's history."""

    RAISE = "opened"
    """A service noticed something, and no alert of its (source, rule) is unresolved."""
    ACKNOWLEDGE = "acknowledge"
    """A person looks after it."""
    RESOLVE = "resolve"
    """A person says that it is over."""
    CLEAR = "resolved"
    """The service that raised it sees that it is over."""


class Transition(NamedTuple):
    """The states that allow it (None: there is no unresolved alert) and the state that it leads to."""

    sources: frozenset[AlertState | None]
    target: AlertState


UNRESOLVED = frozenset({AlertState.OPEN, AlertState.ACKNOWLEDGED})

TRANSITIONS: Mapping[AlertTransition, Transition] = {
    AlertTransition.RAISE: Transition(frozenset({None}), AlertState.OPEN),
    AlertTransition.ACKNOWLEDGE: Transition(frozenset({AlertState.OPEN}), AlertState.ACKNOWLEDGED),
    AlertTransition.RESOLVE: Transition(UNRESOLVED, AlertState.RESOLVED),
    AlertTransition.CLEAR: Transition(UNRESOLVED, AlertState.RESOLVED),
}
"""The state machine. What is not in it does not happen; `apps.storage.alerts` is the one place that carries it out."""


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """What was noticed. At most one alert is unresolved for each (source, rule)."""

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


class Alert(Anomaly, frozen=True, kw_only=True):
    """An anomaly with its life: opened, perhaps acknowledged, resolved."""

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

    actor: Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=NO_NUL_PATTERN)]
    comment: Annotated[str, msgspec.Meta(max_length=2000, pattern=NO_NUL_PATTERN)] | None = None
