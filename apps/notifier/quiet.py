"""How Alertmanager is kept from telling of what somebody looks after, or snoozed. Pure.

An alert that stopped coming would be over for Alertmanager, and people would be told so. So it goes on coming, and
beside it a twin, which no route takes and which inhibits it (`apps.observability.notifications`): nobody is told of it
again while the twin lasts.

Alertmanager does not tell again of what it told of lately. So after a snooze the alert comes as another one, with the
next value of the label `reminder`, and twins inhibit it as it was before, until Alertmanager forgets that.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from apps.domain.alerts import PLATFORM_RULE, Alert
from apps.notifier.wording import (
    LIFETIME,
    REMINDER,
    REMINDERS,
    AlertmanagerAlert,
    Notice,
    as_alertmanager_takes_it,
    began_at,
    reminder,
)

QUIET = "quiet"
"""The label that a twin alone has."""

SIGNAL = "signal"
"""The label by which Prometheus names the source of what it tells of itself."""


def handed_over(notice: Notice, now: datetime, hold: timedelta, public_url: str) -> Iterator[AlertmanagerAlert]:
    """Yield what Alertmanager is told of an alert: its twins before itself."""
    current = reminder(notice.reminders)
    if notice.was_quiet:
        for value in REMINDERS:
            if value == current:
                yield _twin(notice.alert, value, now, public_url, is_quiet=notice.alert.is_quiet(now))
            elif notice.reminders:
                yield _twin(notice.alert, value, now, public_url, is_quiet=True)
    if is_told_here(notice):
        yield as_alertmanager_takes_it(notice, now, hold, public_url)


def is_told_here(notice: Notice) -> bool:
    """Return whether it is handed over itself: the platform's own critical alerts come from Prometheus, unreminded."""
    return notice.alert.rule != PLATFORM_RULE or reminder(notice.reminders) != ""


def quiet_until(notice: Notice, now: datetime) -> datetime | None:
    """Return when it is to be told again without anybody doing anything."""
    return notice.alert.snoozed_until if notice.alert.is_snoozed(now) else None


def _twin(alert: Alert, value: str, now: datetime, public_url: str, *, is_quiet: bool) -> AlertmanagerAlert:
    return AlertmanagerAlert(
        labels={
            "alertname": "Quiet",
            QUIET: "yes",
            "source": alert.source,
            "rule": alert.rule,
            REMINDER: value,
            # What Prometheus tells of has this instead.
            SIGNAL: alert.source if alert.rule == PLATFORM_RULE and not value else "",
        },
        annotations={"alert_id": str(alert.alert_id)},
        starts_at=began_at(alert),
        ends_at=now + LIFETIME if is_quiet else now,
        generator_url=public_url,
    )
