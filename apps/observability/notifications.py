"""What Alertmanager does with an alert: one message in Slack for each group of equal ones, and one when it is over."""

from datetime import timedelta
from typing import Any

from apps.domain.alerts import Severity
from apps.platform.promql import duration

TITLE = (
    '{{ if eq .Status "firing" }}[{{ .GroupLabels.severity | toUpper }}: {{ .Alerts.Firing | len }}]'
    "{{ else }}[RESOLVED]{{ end }} {{ .GroupLabels.alertname }}"
)

TEXT = """{{ range .Alerts -}}
{{ if eq .Status "firing" }}:rotating_light:{{ else }}:white_check_mark:{{ end }} {{ .Annotations.summary -}}
{{ with .Annotations.runbook_url }} (<{{ . }}|runbook>){{ end }}
{{ end }}"""

COLOR = (
    '{{ if ne .Status "firing" }}good'
    f'{{{{ else if eq .GroupLabels.severity "{Severity.CRITICAL}" }}}}danger'
    "{{ else }}warning{{ end }}"
)


def alertmanager(
    slack_url_file: str,
    wait: timedelta = timedelta(seconds=10),
    interval: timedelta = timedelta(minutes=1),
) -> dict[str, Any]:
    """Return Alertmanager's configuration.

    `slack_url_file` holds the URL of Slack's incoming webhook, which is a secret. Alerts that begin within `wait` come
    in one message; what changes in a group afterwards is told once an `interval`.
    """
    return {
        "route": {
            "receiver": "slack",
            "group_by": ["alertname", "severity", "slo", "job"],
            "group_wait": duration(wait),
            "group_interval": duration(interval),
            "repeat_interval": "12h",
            # The Watchdog of the chart always fires, for whoever watches Alertmanager; the rest is for information.
            "routes": [{"receiver": "nobody", "matchers": [f'severity=~"none|{Severity.INFO}"']}],
        },
        "inhibit_rules": [
            # A page makes the ticket about the same thing redundant.
            {
                "source_matchers": [f'severity="{Severity.CRITICAL}"'],
                "target_matchers": [f'severity="{Severity.WARNING}"'],
                "equal": ["alertname", "slo", "job", "namespace"],
            }
        ],
        "receivers": [
            {"name": "nobody"},
            {
                "name": "slack",
                "slack_configs": [
                    {
                        "api_url_file": slack_url_file,
                        "send_resolved": True,
                        "title": TITLE,
                        "text": TEXT,
                        "fallback": TITLE,
                        "color": COLOR,
                    }
                ],
            },
        ],
    }
