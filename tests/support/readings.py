"""What must be true of stored readings, whatever happened."""

import asyncpg

from tests.support.postgres import TestDatabase


async def let_compare(database: TestDatabase, role: str) -> None:
    """Let a role read what `assert_summaries_agree` compares and its process has no need of."""
    owner = await database.connect()
    await owner.execute(f"GRANT SELECT ON readings_hour, readings_day TO {role}")
    await owner.close()


async def assert_summaries_agree(connection: asyncpg.Connection | asyncpg.Pool) -> None:
    """Rollups and newest values are what the stored readings say."""
    for level in ("minute", "hour", "day"):
        wrong = await connection.fetch(
            f"""
            WITH model AS (
                SELECT device_id, metric, date_trunc('{level}', ts, 'UTC') AS {level}, count(*) AS count,
                       sum(value) AS sum, sum(abs(value)) AS size, min(value) AS min, max(value) AS max
                FROM sensor_readings GROUP BY 1, 2, 3)
            SELECT * FROM model FULL JOIN readings_{level} AS rollup USING (device_id, metric, {level})
            WHERE model.count IS DISTINCT FROM rollup.count OR model.min IS DISTINCT FROM rollup.min
            OR model.max IS DISTINCT FROM rollup.max OR abs(model.sum - rollup.sum) > 1e-9 * greatest(1, model.size)
            """
        )
        assert not wrong, level
    stale = await connection.fetch(
        """
        WITH model AS (SELECT DISTINCT ON (device_id, metric) device_id, metric, ts, value FROM sensor_readings
                       ORDER BY device_id, metric, ts DESC)
        SELECT * FROM model FULL JOIN latest_readings AS latest USING (device_id, metric)
        WHERE (model.ts, model.value) IS DISTINCT FROM (latest.ts, latest.value)
        """
    )
    assert not stale
