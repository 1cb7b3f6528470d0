"""The internal write API: readings without the stream, for what runs inside the cluster."""

from typing import Annotated

import msgspec

from apps.api.context import Context
from apps.api.metrics import READINGS_WRITTEN
from apps.api.operation import JSON, RawBody, Router
from apps.api.permissions import Permission
from apps.api.queries import readings
from apps.domain.arrays import split_array
from apps.domain.errors import InvalidInputError
from apps.domain.readings import DeviceReading, StoredReading, parse_reading, shorten_reason
from apps.domain.time_bounds import TimeBounds
from apps.platform.errors import ProblemError
from apps.storage.series import MetricLimits, SeriesLimit

router = Router("Storing", "Reached from inside the cluster only. Devices send their readings to the gateway.")

MAX_READINGS = 10_000


class Refused(msgspec.Struct, frozen=True):
    """A reading that was not stored: its place in the body, and why."""

    index: int
    reason: str


class Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many readings were new, how many there were already, and which were refused."""

    stored: int
    duplicates: int
    refused: list[Refused] = []


@router.operation(
    "POST",
    "/readings",
    permission=Permission.READINGS_WRITE,
    internal=True,
    body_limit=5_000_000,
    consumes={JSON: Annotated[list[DeviceReading], msgspec.Meta(max_length=MAX_READINGS)]},
)
async def store_readings(context: Context, body: RawBody) -> Stored:
    """Store readings, as the gateway and the ingestor do.

    Exactly once: a reading of a device, metric and time that is stored already changes nothing. One that cannot be
    stored as it is, or has another value than the stored one, is refused with its reason, and the others are stored.
    """
    settings, now = context.settings, context.now()
    bounds = TimeBounds.at(now, settings.readings_retention_months)
    rows: list[StoredReading] = []
    indexes: dict[int, int] = {}
    refused: list[Refused] = []
    for index, item in enumerate(_items(body.content)):
        try:
            sent = parse_reading(item, DeviceReading, bounds)
        except InvalidInputError as error:
            refused.append(Refused(index, shorten_reason(error)))
        else:
            rows.append(StoredReading(sent.device_id, sent.metric, sent.ts, sent.value, now))
            indexes[id(rows[-1])] = index
    limits = MetricLimits(settings.device_max_metrics, settings.device_new_metrics_per_day)
    limit = SeriesLimit(limits, settings.max_unregistered_devices)
    written = await readings.store(context.database, rows, limit)
    conflict = "{!r} is kept for this device, metric and time, as it came first"
    not_stored = [Refused(indexes[id(row)], conflict.format(existing)) for row, existing in written.conflicts] + [
        Refused(indexes[id(row)], written.over_limit[name])
        for row in rows
        if (name := (row.device_id, row.metric)) in written.over_limit
    ]
    duplicates = len(rows) - written.stored - len(not_stored)
    refused += not_stored
    for outcome, count in (("stored", written.stored), ("duplicate", duplicates), ("refused", len(refused))):
        READINGS_WRITTEN.labels(outcome).inc(count)
    return Stored(written.stored, duplicates, sorted(refused, key=lambda refusal: refusal.index))


def _items(body: bytes) -> list[msgspec.Raw]:
    try:
        items = split_array(body)
    except msgspec.ValidationError as error:
        raise ProblemError(422, str(error)) from None
    except msgspec.DecodeError as error:
        raise ProblemError(400, f"the body is not JSON: {error}") from None
    if len(items) > MAX_READINGS:
        raise ProblemError(413, f"{len(items)} readings are too many: send at most {MAX_READINGS} at a time")
    return items
