"""The declaration of the API."""

from apps.api.settings import ApiSettings
from apps.platform.service import OPERATOR_TOKEN, SENSORS, SIGNING_KEYS, Connect, Read, Resources, Scale, Service

API = Service(
    name="api",
    module="apps.api",
    settings=ApiSettings,
    needs=(Connect(SENSORS, role="api"), Read(SIGNING_KEYS), Read(OPERATOR_TOKEN)),
    scale=Scale(minimum=2, maximum=6),
    resources=Resources(cpu="250m", memory="384Mi"),
    public=("/api",),
)
