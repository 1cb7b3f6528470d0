"""The operations, a module for each resource."""

from apps.api.operation import Resource
from apps.api.routes.alerts import ALERTS
from apps.api.routes.device_import import IMPORT
from apps.api.routes.devices import DEVICES
from apps.api.routes.export import EXPORT
from apps.api.routes.readings import READINGS
from apps.api.routes.rejected import REJECTED
from apps.api.routes.storing import STORING

RESOURCES: tuple[Resource, ...] = (DEVICES, IMPORT, READINGS, EXPORT, REJECTED, ALERTS, STORING)
"""Every operation; those that are not public are served at the root alone."""

PUBLIC_RESOURCES: tuple[Resource, ...] = tuple(
    public for public in (resource.public() for resource in RESOURCES) if public.operations
)
"""The operations that are served to the world."""
