"""Monthly partitions: created ahead of time, dropped when their retention is over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from apps.domain.time_bounds import Month, add_months, month_of
from apps.storage.settings import GRACE, StorageSettings
from apps.storage.tables import PARTITIONED, readings_day, readings_hour, readings_minute, sensor_readings


@dataclass(frozen=True, slots=True)
class Partition:
    """One month of one table, with its size."""

    table: str
    month: Month
    bytes: int

    @property
    def name(self) -> str:
        """The partition's own table name."""
        return partition_name(self.table, self.month)


def partition_name(table: str, month: Month) -> str:
    """Return the name of a month's partition, for example sensor_readings_y2026m11."""
    return f"{table}_y{month[0]:04}m{month[1]:02}"


def list_partitions(connection: sa.Connection) -> list[Partition]:
    """Return every partition, oldest first."""
    found = []
    for table in PARTITIONED:
        rows = connection.execute(
            sa.text(
                "SELECT c.relname, pg_total_relation_size(c.oid) "
                "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
                "WHERE i.inhparent = CAST(:parent AS regclass) ORDER BY c.relname"
            ),
            {"parent": table.name},
        )
        for name, size in rows:
            if match := re.fullmatch(rf"{table.name}_y(\d{{4}})m(\d\d)", name):
                found.append(Partition(table.name, (int(match[1]), int(match[2])), size))
    return found


def expired(partitions: list[Partition], now: datetime, settings: StorageSettings) -> Iterator[Partition]:
    """Yield the partitions whose retention is over by `GRACE`: no reading in them is of the months to keep.

    A rollup is kept at least as long as what it is made of: a reading that is stored or deleted must find it.
    """
    months = 0
    keep = {}
    for table, own in (
        (sensor_readings, settings.readings_retention_months),
        (readings_minute, settings.minutes_retention_months),
        (readings_hour, settings.hours_retention_months),
        (readings_day, settings.days_retention_months),
    ):
        keep[table.name] = months = max(months, own)
    for partition in partitions:
        if partition.month < add_months(month_of(now - GRACE), -keep[partition.table]):
            yield partition


def create_ahead(connection: sa.Connection, now: datetime, settings: StorageSettings) -> list[Month]:
    """Create the partitions of this month and of the months ahead; return the months for which one was missing."""
    created = []
    for count in range(settings.partitions_ahead_months + 1):
        month = add_months(month_of(now), count)
        first = datetime(*month, 1, tzinfo=UTC)
        if connection.scalar(sa.text("SELECT ensure_partition(:at)"), {"at": first}):
            created.append(month)
    return created


def days_not_archived(connection: sa.Connection, month: Month) -> list[date]:
    """Return the days of a month whose readings, as many as there are, do not lie in the archive."""
    first, end = (datetime(*start, 1, tzinfo=UTC) for start in (month, add_months(month, 1)))
    return list(connection.scalars(_NOT_ARCHIVED, {"first": first, "end": end}))


def drop(connection: sa.Connection, partition: Partition) -> None:
    """Drop a partition. Fails, and can be tried again, when readers hold it for more than 5 s."""
    connection.execute(sa.text("SELECT drop_partition(:name)"), {"name": partition.name})


_NOT_ARCHIVED = sa.text("""
SELECT rollups.day FROM (
    SELECT (day AT TIME ZONE 'UTC')::date AS day, sum(count) AS readings FROM readings_day
    WHERE day >= :first AND day < :end GROUP BY 1
) AS rollups LEFT JOIN archive_days AS archived USING (day)
WHERE archived.rows IS DISTINCT FROM rollups.readings ORDER BY 1
""")
