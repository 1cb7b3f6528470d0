"""What the detector does with a device's series."""

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Router
from apps.api.permissions import Permission
from apps.api.queries import detection, devices
from apps.api.queries.detection import WatchedSeries
from apps.api.routes.devices import NO_DEVICE, missing_device
from apps.domain.devices import DeviceId

router = Router("Detection", "Whether the detector knows what is usual of a series yet.")


@router.operation("GET", "/devices/{device_id}/detection", permission=Permission.DEVICES_READ, errors=NO_DEVICE)
async def show_detection(context: Context, caller: Caller, device_id: DeviceId) -> list[WatchedSeries]:
    """Show what the detector knows of a device's series.

    While it learns, until `learning_until`, it raises an alert only for what lies far outside of everything seen.
    """
    if await devices.get(context.database, device_id, caller.labels) is None:
        raise missing_device(device_id)
    return await detection.of_device(context.database, device_id)
