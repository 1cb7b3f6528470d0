"""The declaration of the gateway."""

from apps.gateway.settings import GatewaySettings
from apps.platform.service import READINGS, SIGNING_KEYS, Produce, Read, Resources, Scale, Service

GATEWAY = Service(
    name="gateway",
    module="apps.gateway",
    settings=GatewaySettings,
    needs=(Produce(READINGS), Read(SIGNING_KEYS)),
    scale=Scale(minimum=2, maximum=8),
    resources=Resources(cpu="200m", memory="256Mi"),
    public=("/ingest",),
    signed=True,
)
