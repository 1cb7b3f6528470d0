"""What Alertmanager does with an alert, made from the typed routing: who is told, when, in which words."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from apps.domain.alerts import PLATFORM_RULE, Severity
from apps.notifier.quiet import QUIET, SIGNAL
from apps.notifier.wording import REMINDER, TITLES
from apps.observability.routing import (
    NOBODY,
    EmailReceiver,
    Notifications,
    PagerDutyReceiver,
    QuietHours,
    Receiver,
    Route,
    SlackReceiver,
    TeamsReceiver,
)
from apps.platform.promql import duration

TITLE = (
    '{{ if eq .Status "firing" }}[{{ .GroupLabels.severity | toUpper }}: {{ .Alerts.Firing | len }}]'
    "{{ else }}[RESOLVED]{{ end }} {{ .GroupLabels.alertname }}"
)

MAX_LINES = 20
"""Alerts of a group that one message tells of: Teams refuses more than 28 kB, and nobody reads more."""

_REST = f"""{{{{ if gt (len .Alerts) {MAX_LINES} }}}}These are {MAX_LINES} of {{{{ len .Alerts }}}}.{{{{ end }}}}"""

SLACK_TEXT = (
    f"{{{{ range $index, $alert := .Alerts }}}}{{{{ if lt $index {MAX_LINES} -}}}}"
    """
{{ if eq .Status "firing" }}:rotating_light:{{ else }}:white_check_mark:{{ end }} {{ .Annotations.summary -}}
{{ with .Annotations.dashboard_url }} (<{{ . }}|show>){{ end -}}
{{ with .Annotations.runbook_url }} (<{{ . }}|runbook>){{ end }}
{{ end }}{{ end }}""" + _REST
)

LINK = (
    "{{ with index .Alerts 0 }}"
    "{{ if .Annotations.dashboard_url }}{{ .Annotations.dashboard_url }}"
    "{{ else }}{{ .Annotations.runbook_url }}{{ end }}"
    "{{ end }}"
)
"""Where the title of a message leads. Alertmanager's own page is inside the cluster, where no reader comes to."""

COLOR = (
    '{{ if ne .Status "firing" }}good'
    f'{{{{ else if eq .GroupLabels.severity "{Severity.CRITICAL}" }}}}danger'
    "{{ else }}warning{{ end }}"
)

PLAIN_TEXT = (
    f"{{{{ range $index, $alert := .Alerts }}}}{{{{ if lt $index {MAX_LINES} -}}}}"
    """
{{ if eq .Status "resolved" }}Over: {{ end }}{{ .Annotations.summary }}
{{ with .Annotations.dashboard_url }}  {{ . }}
{{ end }}{{ with .Annotations.runbook_url }}  {{ . }}
{{ end }}{{ end }}{{ end }}""" + _REST
)

MAX_WEBHOOK_ALERTS = 200
"""Alerts of a group that one signed message holds; it says how many are left out."""


def alertmanager(routing: Notifications, secrets: str, relay: str) -> dict[str, Any]:
    """Return Alertmanager's configuration.

    `secrets`: the folder that holds the secret of each receiver in a file of its name. `relay`: the URL of the
    notifier, which signs what goes to webhooks.
    """
    return {
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "severity", "slo", "job", "kind"],
            "group_wait": duration(timedelta(seconds=routing.wait_seconds)),
            "group_interval": duration(timedelta(seconds=routing.interval_seconds)),
            "repeat_interval": duration(timedelta(hours=routing.repeat_hours)),
            "routes": list(_routes(routing)),
        },
        "inhibit_rules": [
            # A page makes the ticket about the same thing redundant.
            _inhibit("alertname", "slo", "job", "namespace", "device", "metric"),
            _inhibit("device", "metric", matcher='device!=""'),
            *_quiet(),
        ],
        "time_intervals": [
            {"name": name, "time_intervals": list(_intervals(hours))} for name, hours in routing.quiet_hours.items()
        ],
        "receivers": [
            {"name": NOBODY},
            *(
                {"name": name} | _receiver(name, receiver, secrets, relay)
                for name, receiver in routing.receivers.items()
            ),
        ],
    }


def _routes(routing: Notifications) -> Iterator[dict[str, Any]]:
    # The Watchdog of the chart always fires, for whoever watches Alertmanager: no route names its severity.
    for route in (*routing.routes, Route(receivers=routing.default_receivers)):
        for receiver in route.receivers:
            yield {
                "receiver": receiver,
                "matchers": list(_matchers(route)),
                "continue": route.also or receiver != route.receivers[-1],
                **({"mute_time_intervals": list(route.quiet_hours)} if route.quiet_hours else {}),
                **({"repeat_interval": duration(timedelta(hours=route.repeat_hours))} if route.repeat_hours else {}),
                **(_digest(timedelta(hours=route.digest_hours)) if route.digest_hours else {}),
            }


def _digest(every: timedelta) -> dict[str, str]:
    return {"group_wait": duration(every), "group_interval": duration(every)}


def _matchers(route: Route) -> Iterator[str]:
    yield f'severity=~"{"|".join(route.severities)}"'
    if route.kinds:
        yield f'kind=~"{"|".join(route.kinds)}"'
    if route.labels:
        # The notifier writes a device's labels as one, with a comma before and after each.
        named = "|".join(label.replace(".", "[.]") for label in route.labels)
        yield f'labels=~".*,({named}),.*"'


def _inhibit(*equal: str, matcher: str | None = None) -> dict[str, Any]:
    also = [matcher] if matcher else []
    return {
        "source_matchers": [f'severity="{Severity.CRITICAL}"', *also],
        "target_matchers": [f'severity="{Severity.WARNING}"', *also],
        "equal": list(equal),
    }


def _quiet() -> Iterator[dict[str, Any]]:
    """Yield what keeps quiet of alerts that somebody looks after: those of the notifier, and of Prometheus."""
    for targets, equal in (
        (['source!=""'], ["source", "rule", REMINDER]),
        ([f'alertname="{TITLES[PLATFORM_RULE]}"', f'{SIGNAL}!=""'], [SIGNAL]),
    ):
        yield {"source_matchers": [f'{QUIET}="yes"'], "target_matchers": [*targets, f'{QUIET}=""'], "equal": equal}


def _intervals(hours: QuietHours) -> Iterator[dict[str, Any]]:
    """Yield the hours as Alertmanager takes them: none goes past midnight."""
    where = {"location": hours.time_zone}
    days = hours.days
    if hours.start < hours.end:
        yield where | _interval(hours.start, hours.end, days)
    else:
        yield where | _interval(hours.start, "24:00", days)
        if hours.end != "00:00":
            yield where | _interval("00:00", hours.end, [_FOLLOWING[day] for day in days])


def _interval(start: str, end: str, days: Sequence[str]) -> dict[str, Any]:
    return {"times": [{"start_time": start, "end_time": end}], **({"weekdays": list(days)} if days else {})}


_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FOLLOWING = dict(zip(_WEEK, (*_WEEK[1:], _WEEK[0]), strict=True))


def _receiver(name: str, receiver: Receiver, secrets: str, relay: str) -> dict[str, Any]:
    secret = f"{secrets}/{name}"
    match receiver:
        case SlackReceiver():
            key, config = "slack_configs", _slack(secret)
        case TeamsReceiver():
            key, config = "msteamsv2_configs", {"webhook_url_file": secret, "title": TITLE, "text": PLAIN_TEXT}
        case PagerDutyReceiver():
            key, config = "pagerduty_configs", _pagerduty(secret)
        case EmailReceiver():
            key, config = "email_configs", _email(receiver, secret)
        case _:
            key, config = "webhook_configs", {"url": f"{relay}/webhooks/{name}", "max_alerts": MAX_WEBHOOK_ALERTS}
    return {key: [{"send_resolved": True, **config}]}


def _slack(secret: str) -> dict[str, Any]:
    shown = {"title": TITLE, "title_link": LINK, "text": SLACK_TEXT, "fallback": TITLE, "color": COLOR}
    return {"api_url_file": secret, **shown}


def _pagerduty(secret: str) -> dict[str, Any]:
    return {
        "routing_key_file": secret,
        "description": TITLE,
        "client_url": LINK,
        "severity": "{{ .GroupLabels.severity }}",
        "details": {"alerts": PLAIN_TEXT},
    }


def _email(receiver: EmailReceiver, secret: str) -> dict[str, Any]:
    return {
        "to": ", ".join(receiver.to),
        "from": receiver.sender,
        "smarthost": receiver.server,
        "auth_username": receiver.user,
        "auth_password_file": secret,
        "headers": {"Subject": TITLE},
        "text": PLAIN_TEXT,
        "html": "",
    }
