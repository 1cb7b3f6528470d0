"""An alert in the words of everyday, and as Alertmanager takes it. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from apps.domain.alerts import FORECAST_RULE, PLATFORM_RULE, Alert, AlertState

LIFETIME = timedelta(minutes=15)
"""How long Alertmanager takes an alert for open without hearing of it: longer than a node takes to be replaced, so that
nobody is told of an end that was none."""

LINK_MARGIN = timedelta(hours=1)
"""What the dashboard shows before an alert began, and after."""

TITLES = {"rarity": "Unusual value", FORECAST_RULE: "Unusual at this hour", PLATFORM_RULE: "PredictiveAlert"}
"""What the detector's models notice; the latter as Prometheus calls it. A rule that people wrote has a name."""

REMINDER = "reminder"
"""The label that makes another alert of one that is told anew after a snooze."""

REMINDERS = ("", "1", "2")
"""Its values in turn: as many as it takes that neither of the last two messages had the next one."""


class AlertmanagerAlert(msgspec.Struct, frozen=True, rename="camel"):
    """An alert as `POST /api/v2/alerts` takes it. Equal labels are one alert."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    generator_url: str = msgspec.field(name="generatorURL")


class Notice(NamedTuple):
    """An alert with the names of its device and its rule, where these have one, and when Alertmanager first took it."""

    alert: Alert
    device_name: str | None = None
    rule_name: str | None = None
    first_sent_at: datetime | None = None
    was_quiet: bool = False
    """Whether somebody ever acknowledged or snoozed it."""
    reminders: int = 0
    """How many snoozes of it ran out: after each it is told anew."""

    def over_at(self, now: datetime, hold: timedelta) -> datetime | None:
        """Return when it is over for Alertmanager, None while nobody knows.

        What was over before anybody could hear of it is told all the same: it stays open at Alertmanager for `hold`.
        """
        resolved_at = self.alert.resolved_at
        if self.alert.state != AlertState.RESOLVED or resolved_at is None:
            return None
        return max(resolved_at, (self.first_sent_at or now) + hold)


def as_alertmanager_takes_it(notice: Notice, now: datetime, hold: timedelta, public_url: str) -> AlertmanagerAlert:
    """Return an alert as it is handed to Alertmanager at `now`."""
    alert = notice.alert
    link = dashboard_url(alert, now, public_url)
    over_at = notice.over_at(now, hold)
    return AlertmanagerAlert(
        labels=labels(alert, notice.rule_name, notice.reminders),
        annotations={
            "summary": summary(alert, notice.device_name),
            "dashboard_url": link,
            "alert_id": str(alert.alert_id),
        },
        starts_at=began_at(alert),
        # Alertmanager keeps the later of two ends in the future: an end is told when it has come.
        ends_at=over_at if over_at and over_at <= now else now + LIFETIME,
        generator_url=link,
    )


def labels(alert: Alert, rule_name: str | None = None, reminders: int = 0) -> dict[str, str]:
    """Return what routes look at. An empty value is as none to Alertmanager."""
    return {
        "alertname": rule_name or TITLES.get(alert.rule, alert.rule),
        "severity": alert.severity,
        "source": alert.source,
        "rule": alert.rule,
        "device": alert.device_id or "",
        "metric": alert.metric or "",
        "kind": alert.kind or "",
        "labels": f",{','.join(alert.labels)}," if alert.labels else "",
        REMINDER: reminder(reminders),
    }


def reminder(reminders: int) -> str:
    """Return the value of the label `reminder` after so many."""
    return REMINDERS[reminders % len(REMINDERS)]


def summary(alert: Alert, device_name: str | None) -> str:
    """Return one sentence: what is how, what is usual, and since when."""
    is_over = alert.state == AlertState.RESOLVED
    if alert.observed is None or alert.expected is None:
        text = f"{alert.message}; since {moment(began_at(alert))}"
        return f"{text}, over since {moment(ended_at(alert))}" if is_over else text
    what = alert.source
    if alert.device_id:
        what = f"{device_name or alert.device_id}: {(alert.metric or 'it').replace('_', ' ')}"
    value, usual = number(alert.observed, alert.unit), number(alert.expected, alert.unit)
    if is_over:
        return f"{what} was {value}, usual is {usual}; from {moment(began_at(alert))} to {moment(ended_at(alert))}"
    return f"{what} is {value}, usual is {usual}; since {moment(began_at(alert))}"


def began_at(alert: Alert) -> datetime:
    """Return when what the alert is about began: for readings that came late, long before anybody noticed."""
    return min(alert.since or alert.window_start or alert.opened_at, alert.opened_at)


def ended_at(alert: Alert) -> datetime:
    """Return when it was over."""
    return alert.resolved_at or alert.updated_at


def dashboard_url(alert: Alert, now: datetime, public_url: str) -> str:
    """Return where the dashboard shows that moment: the sensor's trend from shortly before to shortly after."""
    base, query = public_url.rstrip("/"), {"alert": str(alert.alert_id)}
    if alert.device_id is None:
        return f"{base}/alerts?{urlencode(query)}"
    until = min(now, (alert.window_end or alert.updated_at) + LINK_MARGIN)
    query |= {"from": rfc3339(began_at(alert) - LINK_MARGIN), "to": rfc3339(until)}
    query |= {"metric": alert.metric} if alert.metric else {}
    return f"{base}/devices/{alert.device_id}?{urlencode(query)}"


def number(value: float, unit: str | None = None) -> str:
    """Return a number as people write it: whole where it is large, else four significant digits."""
    text = f"{value:,.0f}".replace(",", " ") if 10_000 <= abs(value) < 1e12 else f"{value:.4g}"
    return f"{text} {unit}" if unit else text


def moment(time: datetime) -> str:
    """Return a time as people read it: `26 Nov 16:34 UTC`."""
    return f"{time.day} {time:%b %H:%M} UTC"


def rfc3339(time: datetime) -> str:
    """Return a time for an address, to the second."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
