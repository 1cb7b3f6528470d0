"""What must be true of stored readings, whatever happened."""

import asyncpg


async def assert_summaries_agree(connection: asyncpg.Connection | asyncpg.Pool) -> None:
    """Rollups and newest values are what the stored readings say."""
    wrong = await connection.fetch(
        """
        WITH model AS (
            SELECT device_id, metric, date_trunc('minute', ts) AS minute, count(*) AS count, sum(value) AS sum,
                   min(value) AS min, max(value) AS max
            FROM sensor_readings GROUP BY 1, 2, 3)
        SELECT * FROM model FULL JOIN readings_minute AS rollup USING (device_id, metric, minute)
        WHERE model.count IS DISTINCT FROM rollup.count OR model.min IS DISTINCT FROM rollup.min
        OR model.max IS DISTINCT FROM rollup.max OR abs(model.sum - rollup.sum) > 1e-9 * greatest(1, abs(model.sum))
        """
    )
    assert not wrong
    stale = await connection.fetch(
        """
        WITH model AS (SELECT DISTINCT ON (device_id, metric) device_id, metric, ts, value FROM sensor_readings
                       ORDER BY device_id, metric, ts DESC)
        SELECT * FROM model FULL JOIN latest_readings AS latest USING (device_id, metric)
        WHERE (model.ts, model.value) IS DISTINCT FROM (latest.ts, latest.value)
        """
    )
    assert not stale
