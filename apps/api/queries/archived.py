"""What the database holds of the days that are over, and knows of the archive."""

from datetime import date, datetime
from typing import NamedTuple

from apps.api.database import Database
from apps.api.queries.sql import Labels, QueryParams, all_of, seen_with
from apps.domain.time_bounds import Month


class State(NamedTuple):
    """The months whose readings the database holds, oldest first, and what changes when a day becomes final."""

    months: tuple[Month, ...]
    final_days: int
    changed_at: datetime | None


async def state(database: Database) -> State:
    """Return how things stand now."""
    async with database.connection() as connection:
        ((months, days, changed_at),) = await connection.fetch(_STATE)
    return State(tuple((int(name[-7:-3]), int(name[-2:])) for name in months), days, changed_at)


async def final_days(database: Database) -> set[date]:
    """Return the days that the database knows to be final in the archive, each as it held it itself."""
    async with database.connection() as connection:
        return {day for (day,) in await connection.fetch("SELECT day FROM archive_days")}


async def devices(database: Database, device_id: str | None, labels: Labels) -> list[str]:
    """Return whose archived readings are shown, in the order of their bytes: those of registered devices.

    Where one device is asked for, its history is shown after it was taken out too, as the database's is.
    """
    if device_id is not None and labels is None:
        return [device_id]
    values = QueryParams()
    conditions = seen_with(values, labels, "device_id")
    if device_id is not None:
        conditions.append(f"device_id = {values.bind(device_id)}")
    query = f'SELECT device_id FROM devices WHERE {all_of(conditions)} ORDER BY device_id COLLATE "C"'  # noqa: S608
    async with database.connection() as connection:
        return [found for (found,) in await connection.fetch(query, *values)]


def first_day(state: State) -> date | None:
    """Return the first day of the months that are held; None where there is none."""
    return date(*state.months[0], 1) if state.months else None


_STATE = """
SELECT
    (
        SELECT coalesce(array_agg(relname::text ORDER BY relname), '{}')
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'sensor_readings'::regclass
    ),
    (SELECT count(*) FROM archive_days),
    (SELECT max(archived_at) FROM archive_days)
"""
