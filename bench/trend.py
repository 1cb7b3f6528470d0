"""Milliseconds that a trend of one device takes over a day, a month and a year, and the bytes of a row of each level.

    python bench/trend.py [--series N] [--readings N] [--rounds N]

The database is a throwaway server of its own with a year of rollups of N series, by minute, hour and day, and with
`--readings` readings of one day, one a second of each series, as the ingestor stores them.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from apps.api.database import Database
from apps.api.limits import Limits
from apps.api.queries import trend
from apps.api.settings import ApiSettings
from apps.domain.readings import StoredReading
from apps.domain.windows import buckets_for
from apps.platform.settings import load
from apps.storage.readings import ensure_partitions, store
from apps.storage.tables import PARTITIONED
from tests.support import postgres
from tests.support.api import secrets
from tests.support.postgres import TestDatabase

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=365)
TRENDS = (("a day", 1, 288), ("a month", 30, 288), ("a month", 30, 2000), ("a year", 365, 288), ("a year", 365, 2000))
"""Window, its days, points that are asked for."""

_FILL = """
    INSERT INTO readings_{level}
    SELECT 'device-' || n, 'temperature', at, 60, 1200 + n, 19, 21 + random()
    FROM generate_series($1::timestamptz, $2, interval '1 {level}') AS at, generate_series(1, $3) AS n
"""


async def fill(owner: asyncpg.Connection, series: int) -> None:
    """Make a year of rollups, bucket after bucket as time brings them."""
    for month in range(1, 13):
        await owner.execute("SELECT ensure_partition($1)", datetime(SINCE.year, month, 1, tzinfo=UTC))
    for level in ("minute", "hour", "day"):
        await owner.execute(_FILL.format(level=level), SINCE, UNTIL - timedelta(seconds=1), series, timeout=1800)
    await owner.execute("ANALYZE readings_minute, readings_hour, readings_day", timeout=600)


async def fill_readings(database: TestDatabase, series: int, readings: int) -> None:
    """Store readings of the day after, two seconds of all series at a time."""
    connection = await database.connect("ingestor")
    await ensure_partitions(connection, [StoredReading("d", "m", UNTIL, 0, UNTIL)])
    for second in range(0, readings // series, 2):
        times = [UNTIL + timedelta(seconds=second + n) for n in (0, 1)]
        await store(
            connection,
            [
                StoredReading(f"device-{n}", "temperature", ts, 20 + n / 7, ts)
                for ts in times
                for n in range(1, series + 1)
            ],
        )
    await connection.close()


async def sizes(owner: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Return rows and bytes of the months before the last one, which were filled, and of the last one, as stored."""
    found = {}
    for name, size in await owner.fetch(
        "SELECT relid::regclass::text, pg_total_relation_size(relid) FROM unnest($1::text[]) AS parent,"
        " pg_partition_tree(parent::regclass) WHERE isleaf ORDER BY 1",
        [table.name for table in PARTITIONED],
    ):
        if name.endswith(("m12", f"y{UNTIL.year}m01")):
            found[name] = (await owner.fetchval(f"SELECT count(*) FROM {name}", timeout=600), size)
    return found


async def main(series: int, readings: int, rounds: int) -> None:
    """Measure and print."""
    with postgres.running_server(Path(tempfile.mkdtemp(prefix="bench-"))) as server:
        await postgres.make_template(server)
        database = await postgres.copy_template(server)
        owner = await database.connect()
        await fill(owner, series)
        await fill_readings(database, series, readings)
        print(f"{server.version}: {series} series")
        for table, (rows, size) in (await sizes(owner)).items():
            print(f"{table:28}{rows:12,} rows{size / max(rows, 1):8.0f} bytes a row with its index")
        settings = load(ApiSettings, database.environment("api") | secrets(server.folder))
        api = Database(settings, Limits())
        await api.open()
        for name, days, points in TRENDS:
            buckets = buckets_for(UNTIL - timedelta(days=days), UNTIL, points)
            taken = []
            for number in range(rounds):
                began = time.perf_counter()
                found = await trend.points(api, f"device-{number % series + 1}", "temperature", buckets)
                taken.append((time.perf_counter() - began) * 1000)
                if len(found) != (buckets.until - buckets.since) // buckets.step:
                    raise RuntimeError(f"{len(found)} points of {buckets}: the measurement is void")
            print(
                f"{name:8}{points:6} points: buckets of {buckets.step}, median"
                f" {statistics.median(taken):.1f} ms, slowest {max(taken):.1f} ms"
            )
        await api.close()
        await owner.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=40)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.series, chosen.readings, chosen.rounds))
