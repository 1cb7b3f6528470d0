"""Storing readings without the stream: for what runs inside the cluster."""

from typing import Annotated

import msgspec

from apps.api.context import Context
from apps.api.metrics import READINGS_WRITTEN
from apps.api.operation import Resource
from apps.api.repository import readings
from apps.domain.readings import DeviceReading, StoredReading, check_time
from apps.platform.http import ProblemError

STORING = Resource("Storing", "Reached from inside the cluster only. Devices send their readings to the gateway.")

MOST_READINGS = 10_000


class Stored(msgspec.Struct, frozen=True):
    """How many readings were new, and how many there were already."""

    stored: int
    duplicates: int


@STORING.operation("POST", "/readings", protected=True, public=False, body_limit=5_000_000)
async def store_readings(
    context: Context, body: Annotated[list[DeviceReading], msgspec.Meta(max_length=MOST_READINGS)]
) -> Stored:
    """Store readings, all of them or none.

    Exactly once: a reading of a device, metric and time that is stored already changes nothing.
    """
    now = context.now()
    for index, reading in enumerate(body):
        try:
            check_time(reading.ts, now)
        except ValueError as error:
            raise ProblemError(400, f"$[{index}]: {error}") from None
    rows = [StoredReading(each.device_id, each.metric, each.ts, each.value, now) for each in body]
    stored = await readings.add(context.repository, rows)
    READINGS_WRITTEN.labels("stored").inc(stored)
    READINGS_WRITTEN.labels("duplicate").inc(len(rows) - stored)
    return Stored(stored, len(rows) - stored)
