"""Alerts: something that a person should look at, from the moment it is noticed until it is over."""

from collections.abc import Mapping
from datetime import datetime, timedelta
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

    OPEN = "opened"
    """A service noticed something, and no alert of its (source, rule) is unresolved."""
    ACKNOWLEDGE = "acknowledged"
    """A person looks after it."""
    SNOOZE = "snoozed"
    """A person wants nobody to be told of it for a while. It ends by itself, or with any change of state."""
    UNSNOOZE = "unsnoozed"
    """A person takes that back."""
    COMMENT = "commented"
    """A person says something about it."""
    REOPEN = "reopened"
    """It was noticed again soon after it was over, or a person takes back that it is over."""
    RESOLVE = "resolved"
    """A person says that it is over, or the service that opened it sees that it is."""


FORECAST_RULE = "off_forecast"
"""Whose alerts are about hours that were not as forecast. With the `_` no rule of somebody can have its id."""

PLATFORM_RULE = "zscore"
"""The rule that is about the platform's own signals alone, and critical: `predictive_alert` tells of its alerts."""


class Transition(NamedTuple):
    """The states that allow it (None: there is no alert yet) and the state that it leads to (None: it stays)."""

    sources: frozenset[AlertState | None]
    target: AlertState | None


UNRESOLVED = frozenset({AlertState.OPEN, AlertState.ACKNOWLEDGED})

TRANSITIONS: Mapping[AlertTransition, Transition] = {
    AlertTransition.OPEN: Transition(frozenset({None}), AlertState.OPEN),
    AlertTransition.ACKNOWLEDGE: Transition(frozenset({AlertState.OPEN}), AlertState.ACKNOWLEDGED),
    AlertTransition.SNOOZE: Transition(frozenset({AlertState.OPEN}), None),
    AlertTransition.UNSNOOZE: Transition(frozenset({AlertState.OPEN}), None),
    AlertTransition.COMMENT: Transition(frozenset(AlertState), None),
    AlertTransition.REOPEN: Transition(frozenset({AlertState.RESOLVED}), AlertState.OPEN),
    AlertTransition.RESOLVE: Transition(UNRESOLVED, AlertState.RESOLVED),
}
"""The state machine. What is not in it does not happen; `apps.storage.alerts` is the one place that carries it out."""

REOPEN_WITHIN = timedelta(minutes=10)
"""What is noticed again so soon after its alert was resolved reopens that alert: who knows it need not begin anew."""


MAX_SNOOZE = timedelta(days=30)
"""What nobody wants to hear of for longer is over, or its rule is wrong."""


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """What was noticed. At most one alert is unresolved for each (source, rule)."""

    source: str
    """What it is about: a signal of the platform (`api/cpu`) or a sensor (`device-7/temperature`)."""
    rule: str
    """What noticed it: the id of a rule, or a model of the detector, for example `zscore`."""
    severity: Severity
    message: str
    device_id: str | None = None
    metric: str | None = None
    since: datetime | None = None
    """When it began, in the readings' own time."""
    threshold: float | None = None
    """The limit that the rule sets, in the metric's unit; of silence the seconds after which a device is silent."""
    labels: tuple[str, ...] = ()
    """The rule's; an alert has those of its device too."""
    rule_version: int | None = None
    score: float | None = None
    """How surprising the model finds it."""
    window_start: datetime | None = None
    window_end: datetime | None = None
    expected: float | None = None
    """What is usual."""
    observed: float | None = None
    """What was measured instead; of silence the seconds that it has lasted."""
    model: str | None = None
    model_version: str | None = None


class Alert(Anomaly, frozen=True, kw_only=True):
    """An anomaly with its life: opened, perhaps acknowledged, resolved, perhaps reopened."""

    alert_id: UUID
    kind: str | None = None
    """The kind of its device, as it was when the alert was opened."""
    unit: str | None = None
    """What `observed`, `expected` and `threshold` are measured in, where the device says so."""
    state: AlertState
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    snoozed_until: datetime | None = None
    """Until when nobody is told of it again; in the past: it was snoozed until then."""

    def is_snoozed(self, now: datetime) -> bool:
        """Return whether nobody wants to hear of it yet."""
        return self.state == AlertState.OPEN and self.snoozed_until is not None and self.snoozed_until > now

    def is_quiet(self, now: datetime) -> bool:
        """Return whether nobody is told of it again: somebody looks after it, or wants to later."""
        return self.state == AlertState.ACKNOWLEDGED or self.is_snoozed(now)


class AlertAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says when acknowledging, resolving or reopening."""

    comment: Annotated[str, msgspec.Meta(max_length=2000, pattern=NO_NUL_PATTERN)] | None = None


class AlertSnooze(AlertAction, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a person wants nobody to be told of an alert again."""

    until: Annotated[datetime, msgspec.Meta(tz=True, description="From now to 30 days, RFC 3339 with a zone")]


def why_no_snooze(until: datetime, now: datetime) -> str | None:
    """Return why an alert is not snoozed until a time, or None."""
    latest = now + MAX_SNOOZE
    if now < until <= latest:
        return None
    return (
        f"until must be later than now and at most {MAX_SNOOZE.days} days away: choose a time between"
        f" {now:%Y-%m-%dT%H:%M:%SZ} and {latest:%Y-%m-%dT%H:%M:%SZ}"
    )


class AlertComment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says about an alert without changing it."""

    comment: Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=NO_NUL_PATTERN)]
