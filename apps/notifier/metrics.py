"""Metrics of the notifier."""

from prometheus_client import Counter, Gauge, Histogram

NOTICES = Gauge("notifier_alerts", "Alerts that Alertmanager was last told of.")
LAST_SUCCESS = Gauge(
    "notifier_last_success_timestamp_seconds", "When Alertmanager last took every alert, in seconds since 1970."
)
FAILURES = Counter("notifier_failures_total", "Times that alerts could not be read, or handed to any Alertmanager.")
DELAY_SECONDS = Histogram(
    "notifier_delay_seconds",
    "Time from the opening of an alert until Alertmanager first took it.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)
WEBHOOKS = Counter(
    "notifier_webhooks_total",
    "Signed messages by receiver and outcome: delivered, refused (4xx), failed.",
    ["receiver", "outcome"],
)
