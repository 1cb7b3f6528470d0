"""What the detector knows of each series: whether it still learns, and how far it judged."""

from datetime import datetime

import msgspec
import sqlalchemy as sa

from apps.api.database import Database


class WatchedSeries(msgspec.Struct, frozen=True):
    """A series as the detector sees it."""

    metric: str
    judged_until: datetime | None
    """The end of what was judged, in the readings' own time; null: the detector has not looked yet."""
    learning_until: datetime | None
    """When it will probably have seen enough; null: it has, or it has not looked yet."""
    usual_low: float | None
    """From here to `usual_high` hardly any value surprises it now; null: it cannot tell, or not yet."""
    usual_high: float | None


async def of_device(database: Database, device_id: str) -> list[WatchedSeries]:
    """Return every series of a device, by metric."""
    rows = await database.rows(_SERIES.bindparams(device_id=device_id))
    return [WatchedSeries(**row) for row in rows]


_SERIES = sa.text(
    """
    SELECT metric, to_timestamp((memory->>'last')::float8) AS judged_until,
           to_timestamp((memory->>'learning_until')::float8) AS learning_until,
           (memory->'usual'->>0)::float8 AS usual_low, (memory->'usual'->>1)::float8 AS usual_high
    FROM latest_readings
    LEFT JOIN detector_memory ON signal = 'sensor:' || device_id || '/' || metric
    WHERE device_id = :device_id
    ORDER BY metric
    """
)
