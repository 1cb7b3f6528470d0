"""The declaration of the notifier."""

from apps.notifier import metrics
from apps.notifier.settings import NotifierSettings
from apps.platform.declaration import Resources, Service
from apps.platform.needs import Connect, HttpCall, PublicUrl, ReadSecret, SendWebhooks
from apps.resources import ALERTMANAGER, SENSORS, WEBHOOK_KEY

GRANTS = {
    "alerts": "SELECT",
    "alert_events": "SELECT",
    "devices": "SELECT",
    "rules": "SELECT",
    "alert_notifications": "SELECT, INSERT",
}

NOTIFIER = Service(
    name="notifier",
    module="apps.notifier",
    settings=NotifierSettings,
    needs=(
        Connect(SENSORS, role="notifier", grants=GRANTS),
        HttpCall(ALERTMANAGER),
        ReadSecret(WEBHOOK_KEY),
        SendWebhooks(),
        PublicUrl(),
    ),
    resources=Resources(cpu="20m", memory="128Mi"),
    metrics=metrics,
)
