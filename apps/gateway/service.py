"""The declaration of the gateway."""

from apps.gateway import metrics
from apps.gateway.settings import GatewaySettings
from apps.platform.declaration import Resources, Scale, Service
from apps.platform.needs import Connect, Produce, ReadSecret
from apps.resources import READINGS, SENSORS, SIGNING_KEYS

GRANTS = {
    "credential_changes": "SELECT",
    "credential_uses": "SELECT, INSERT, UPDATE",
    "device_credentials": "SELECT",
    "latest_readings": "SELECT",
    "upload_generations": "SELECT",
}

GATEWAY = Service(
    name="gateway",
    module="apps.gateway",
    settings=GatewaySettings,
    needs=(Produce(READINGS), Connect(SENSORS, role="gateway", grants=GRANTS), ReadSecret(SIGNING_KEYS)),
    scale=Scale(minimum=2, maximum=8),
    resources=Resources(cpu="200m", memory="256Mi"),
    metrics=metrics,
    public=("/ingest",),
    self_authenticating=True,
)
