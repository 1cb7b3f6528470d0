"""The device kit: readings are kept on disk until the platform has them. It needs httpx and nothing else of ours.

from sensor_analytics_device import Device

with Device("https://sensors.example.com", "boiler-1", credential=Path("credential"), store=Path("store")) as device:
    device.record("temperature", 71.5)
"""

from .device import Device, Status
from .errors import CredentialError, DeviceKitError, InvalidReadingError, StoreError

__all__ = ["CredentialError", "Device", "DeviceKitError", "InvalidReadingError", "Status", "StoreError"]
