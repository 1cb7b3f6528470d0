"""Days as the database knows them: which are due, what their rollups say, and which are final."""

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from apps.archive.errors import DayDiffersError
from apps.archive.rows import SeriesOfDay
from apps.domain.devices import UNKNOWN_KIND
from apps.storage.archive.manifest import Figures, Manifest, bounds
from apps.storage.connection import Connection

LOCK = 0x617263686976  # "archiv"
"""Of the one process that works on the archive."""


class DayState(NamedTuple):
    """A day of which the database knows something.

    `readings`: how many there are by the rollups. Of its final files: how many they hold (`final`), their version, and
    the ETag of the manifest that names them; None: it has none.
    """

    day: date
    readings: int
    final: int | None
    version: int | None
    etag: str | None


async def lock(connection: Connection) -> bool:
    """Take the lock until the connection ends, and tell whether nobody else has it."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
    return taken


async def states(connection: Connection, before: datetime) -> list[DayState]:
    """Return every day that is over at a time, oldest first."""
    rows = await connection.fetch(_STATES, before - timedelta(days=1))
    return [DayState(row["day"], row["readings"], row["rows"], row["version"], row["etag"]) for row in rows]


async def oldest_kept(connection: Connection) -> date | None:
    """Return the first day of the months of which readings are still there; None where there is no month."""
    found: date | None = await connection.fetchval(_OLDEST)
    return found


async def expected(connection: Connection, day: date) -> dict[tuple[str, str], Figures]:
    """Return what the rollups of a day say of each series."""
    rows = await connection.fetch(_EXPECTED, bounds(day)[0])
    return {(row[0], row[1]): Figures(*row[2:]) for row in rows}


async def series_of(connection: Connection, day: date) -> list[SeriesOfDay]:
    """Return the series of a day, and make them the temporary table that `copy_query` joins, for this transaction."""
    await connection.execute(_DROP_SERIES)
    await connection.execute(_MAKE_SERIES.format(unknown=UNKNOWN_KIND, day=bounds(day)[0].isoformat()))
    rows = await connection.fetch("SELECT kind, device_id, metric FROM archive_series ORDER BY number")
    return [SeriesOfDay(*row) for row in rows]


def copy_query(day: date) -> str:
    """Return what is copied: a day's readings in the order of their series and times, each value of fixed length."""
    since, until = bounds(day)
    # The clock of who stamps a reading runs at most minutes ahead of the database's: the day before is margin enough,
    # and lets the index of what was stored when pass over what is older.
    return _COPY.format(
        since=since.isoformat(), until=until.isoformat(), stored=(since - timedelta(days=1)).isoformat()
    )


def check_equal(day: date, found: Mapping[tuple[str, str], Figures], wanted: Mapping[tuple[str, str], Figures]) -> None:
    """Raise DayDiffersError unless files and rollups say the same of every series.

    Counts, lowest and highest values to the bit; sums but for what the order of adding changes.
    """
    if differing := _differing(found, wanted):
        shown = ", ".join(
            f"{device}/{metric}: files {found.get((device, metric))}, rollups {wanted.get((device, metric))}"
            for device, metric in differing[:3]
        )
        raise DayDiffersError(day, f"{len(differing)} series, the first: {shown}")


def equal(found: Mapping[tuple[str, str], Figures], wanted: Mapping[tuple[str, str], Figures]) -> bool:
    """Tell whether files and rollups say the same of every series."""
    return not _differing(found, wanted)


async def record(connection: Connection, manifest: Manifest, etag: str) -> None:
    """Remember that a day is final."""
    await connection.execute(_RECORD, manifest.day, manifest.version, manifest.rows, etag)


def _differing(
    found: Mapping[tuple[str, str], Figures], wanted: Mapping[tuple[str, str], Figures]
) -> list[tuple[str, str]]:
    return sorted(name for name in found.keys() | wanted.keys() if not _equal(found.get(name), wanted.get(name)))


def _equal(left: Figures | None, right: Figures | None) -> bool:
    if left is None or right is None:
        return False
    size = max(1.0, abs(left.min), abs(left.max)) * left.readings
    return (left.readings, left.min, left.max) == (right.readings, right.min, right.max) and math.isclose(
        left.sum, right.sum, rel_tol=1e-9, abs_tol=1e-9 * size
    )


_STATES = """
SELECT coalesce(rollups.day, archived.day) AS day, coalesce(readings, 0)::bigint AS readings,
    archived.rows, archived.version, archived.etag
FROM (SELECT (day AT TIME ZONE 'UTC')::date AS day, sum(count) AS readings FROM readings_day GROUP BY 1) AS rollups
FULL JOIN archive_days AS archived USING (day)
WHERE coalesce(rollups.day, archived.day) < ($1::timestamptz AT TIME ZONE 'UTC')::date + 1
ORDER BY 1
"""

_OLDEST = """
SELECT min(to_date(right(relname, 7), 'YYYY"m"MM')) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'sensor_readings'::regclass
"""

_EXPECTED = "SELECT device_id, metric, count, sum, min, max FROM readings_day WHERE day = $1"

_DROP_SERIES = "DROP TABLE IF EXISTS pg_temp.archive_series"
# The kind of a device that is no longer registered is unknown, as that of one that nobody has registered.
_MAKE_SERIES = """
CREATE TEMPORARY TABLE archive_series ON COMMIT DROP AS
SELECT kind, device_id, metric,
    (row_number() OVER (ORDER BY kind COLLATE "C", device_id COLLATE "C", metric COLLATE "C") - 1)::integer AS number
FROM (
    SELECT coalesce(kind, '{unknown}') AS kind, device_id, metric
    FROM readings_day LEFT JOIN devices USING (device_id) WHERE day = '{day}'
) AS series
"""

# As text: COPY takes no parameters.
_COPY = """
SELECT number, ts, value, received_at, stored_at
FROM sensor_readings JOIN archive_series USING (device_id, metric)
WHERE ts >= '{since}' AND ts < '{until}' AND stored_at >= '{stored}'
ORDER BY number, ts
"""

_RECORD = """
INSERT INTO archive_days (day, version, rows, etag) VALUES ($1, $2, $3, $4)
ON CONFLICT (day) DO UPDATE SET version = $2, rows = $3, etag = $4, archived_at = clock_timestamp()
"""
