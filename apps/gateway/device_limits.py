"""What one device may take of this gateway at a time, so that no device harms another's.

The limits are of one process, and bound what that loses to one device: a device that is spread over all gateways has as
many times the share. What is counted is what has really arrived, never what was announced.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from apps.gateway.budget import ByteBudget, Reservation
from apps.gateway.metrics import LIMITED
from apps.gateway.settings import GatewaySettings
from apps.platform.errors import ProblemError
from apps.platform.token_bucket import TokenBucket

MAX_DEVICES = 100_000
"""Devices that are remembered. Beyond, who was silent for longest is forgotten, and has its whole share again."""


class DeviceLimits:
    """The share of each device, out of `budget`, which all share. `monotonic` tells the time in seconds."""

    def __init__(self, settings: GatewaySettings, budget: ByteBudget, monotonic: Callable[[], float]) -> None:
        self._settings = settings
        self._budget = budget
        self._monotonic = monotonic
        self._devices: OrderedDict[str, _Share] = OrderedDict()

    @contextmanager
    def upload(self, device_id: str) -> Iterator["Upload"]:
        """Hold a place for an upload. Raises ProblemError 429 when the device has as many under way as it may have."""
        share, most = self._share(device_id), self._settings.device_max_uploads
        if share.uploads >= most:
            raise _too_many("uploads", f"a device may have {most} uploads under way: send one after the other", 1)
        share.uploads += 1
        with self._budget.reservation() as reservation:
            upload = Upload(share, reservation, self._settings.device_max_bytes)
            try:
                yield upload
            finally:
                share.uploads -= 1
                share.bytes -= upload.held

    def count_readings(self, device_id: str, count: int) -> None:
        """Take in that a device sends so many readings, or refuse them all with ProblemError 429.

        A bucket of `device_readings_burst` that fills with `device_readings_per_second`.
        """
        rate, burst = self._settings.device_readings_per_second, self._settings.device_readings_burst
        readings = self._share(device_id).readings
        if wait := readings.take(count, now=self._monotonic(), per_second=rate, burst=burst):
            seconds = math.ceil(wait)
            text = f"a device may send {rate:g} readings a second: send them again in {seconds} s"
            raise _too_many("readings", text, seconds)

    def _share(self, device_id: str) -> "_Share":
        share = self._devices.get(device_id)
        if share is None:
            full = TokenBucket(self._settings.device_readings_burst, self._monotonic())
            share = self._devices[device_id] = _Share(full)
        self._devices.move_to_end(device_id)
        for oldest in list(self._devices)[:1] if len(self._devices) > MAX_DEVICES else ():
            if not self._devices[oldest].uploads:
                del self._devices[oldest]
        return share


@dataclass(slots=True)
class _Share:
    readings: TokenBucket
    uploads: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Upload:
    """The bytes that one upload holds."""

    _share: _Share
    _reservation: Reservation
    _most: int
    held: int = field(default=0, init=False)

    def grow(self, size: int) -> None:
        """Take in that so many bytes more are held.

        Raises ProblemError 429 when the device holds as many as it may, OverloadedError when all devices together do.
        """
        if self._share.bytes + size > self._most:
            raise _too_many("bytes", f"a device may have {self._most} bytes under way: send less at a time", 1)
        self._reservation.grow(size)
        self._share.bytes += size
        self.held += size

    def shrink_to(self, size: int) -> None:
        """Take in that only so many bytes are held any more."""
        self._reservation.shrink(self.held - size)
        self._share.bytes -= self.held - size
        self.held = size


def _too_many(limit: str, detail: str, seconds: int) -> ProblemError:
    LIMITED.labels(limit).inc()
    return ProblemError(429, detail, headers={"Retry-After": str(seconds)}, limit=limit)
