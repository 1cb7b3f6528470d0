"""What could not be stored, and why."""

from datetime import datetime

import msgspec
import sqlalchemy as sa

from apps.api.database import Database
from apps.api.queries.sql import Labels, is_seen
from apps.storage.tables import rejected_records


class RejectedRecord(msgspec.Struct, frozen=True):
    """An item of the stream that could not be stored, with where it came from."""

    rejected_id: int
    device_id: str | None
    reason: str
    payload: str
    position: int
    shard_id: str
    sequence_number: str
    rejected_at: datetime


async def find(
    database: Database, *, device_id: str | None, limit: int, after: int | None, labels: Labels
) -> list[RejectedRecord]:
    """Return at most `limit` rejected records, the newest first."""
    columns = [rejected_records.c[name] for name in RejectedRecord.__struct_fields__]
    query = sa.select(*columns).order_by(rejected_records.c.rejected_id.desc()).limit(limit)
    query = query.where(is_seen(labels, rejected_records.c.device_id))
    if device_id is not None:
        query = query.where(rejected_records.c.device_id == device_id)
    if after is not None:
        query = query.where(rejected_records.c.rejected_id < after)
    return [RejectedRecord(**row) for row in await database.rows(query)]
