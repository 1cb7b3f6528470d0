"""The internal write API: readings without the stream, for what runs inside the cluster."""

from typing import Annotated

import msgspec

from apps.api.context import Context
from apps.api.metrics import READINGS_WRITTEN
from apps.api.operation import Router
from apps.api.queries import readings
from apps.domain.readings import DeviceReading, StoredReading, check_time
from apps.platform.errors import ProblemError

router = Router("Storing", "Reached from inside the cluster only. Devices send their readings to the gateway.")

MAX_READINGS = 10_000


class Stored(msgspec.Struct, frozen=True):
    """How many readings were new, and how many there were already."""

    stored: int
    duplicates: int


@router.operation("POST", "/readings", requires_token=True, internal=True, body_limit=5_000_000)
async def store_readings(
    context: Context, body: Annotated[list[DeviceReading], msgspec.Meta(max_length=MAX_READINGS)]
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
    rows = [StoredReading(sent.device_id, sent.metric, sent.ts, sent.value, now) for sent in body]
    stored = await readings.store(context.database, rows)
    READINGS_WRITTEN.labels("stored").inc(stored)
    READINGS_WRITTEN.labels("duplicate").inc(len(rows) - stored)
    return Stored(stored, len(rows) - stored)
