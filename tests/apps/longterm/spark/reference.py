"""What the reports say, in plain SQL over the readings as PostgreSQL holds them."""

FIGURES = """
WITH steps AS (
    SELECT device_id, metric, ts, value,
        extract(epoch FROM ts - lag(ts) OVER series)::float8 AS step,
        coalesce((value <> lag(value) OVER series)::int, 0) AS changed
    FROM sensor_readings WHERE ts >= $1 AND ts < $2
    WINDOW series AS (PARTITION BY device_id, metric ORDER BY ts)
), typical AS (
    SELECT device_id, metric, percentile_disc(0.5) WITHIN GROUP (ORDER BY step) AS interval_seconds
    FROM steps GROUP BY 1, 2
), runs AS (
    SELECT device_id, metric, ts, sum(changed) OVER (PARTITION BY device_id, metric ORDER BY ts) AS run FROM steps
), longest AS (
    SELECT device_id, metric, max(seconds) AS longest_same_seconds FROM (
        SELECT device_id, metric, extract(epoch FROM max(ts) - min(ts))::float8 AS seconds FROM runs GROUP BY 1, 2, run
    ) AS lengths GROUP BY 1, 2
)
SELECT device_id, metric, count(*) AS readings, min(ts) AS first_ts, max(ts) AS last_ts,
    min(interval_seconds) AS interval_seconds, min(longest_same_seconds) AS longest_same_seconds,
    count(*) FILTER (WHERE step > 5 * interval_seconds) AS inner_gaps,
    coalesce(sum(step) FILTER (WHERE step > 5 * interval_seconds), 0) AS inner_gap_seconds,
    min(value) AS minimum, max(value) AS maximum, avg(value) AS mean, stddev_samp(value) AS deviation,
    percentile_disc(0.01) WITHIN GROUP (ORDER BY value) AS p01,
    percentile_disc(0.05) WITHIN GROUP (ORDER BY value) AS p05,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY value) AS p50,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY value) AS p95,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY value) AS p99
FROM steps JOIN typical USING (device_id, metric) JOIN longest USING (device_id, metric)
GROUP BY 1, 2
"""

DRIFTS = """
WITH medians AS (
    SELECT kind, device_id, metric, (ts AT TIME ZONE 'UTC')::date - '1970-01-01'::date AS day,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY value) AS median
    FROM sensor_readings JOIN devices USING (device_id) WHERE ts >= $1 AND ts < $2 GROUP BY 1, 2, 3, 4
), peers AS (
    SELECT kind, metric, day, percentile_disc(0.5) WITHIN GROUP (ORDER BY median) AS usual
    FROM medians GROUP BY 1, 2, 3 HAVING count(*) >= 3
)
SELECT device_id, metric, count(*) AS drift_days, regr_slope(median - usual, day) * 30 AS drift,
    regr_slope(median - usual, day) / sqrt(
        (regr_syy(median - usual, day) - regr_slope(median - usual, day) * regr_sxy(median - usual, day))
        / (count(*) - 2) / regr_sxx(median - usual, day)
    ) AS drift_t
FROM medians JOIN peers USING (kind, metric, day) GROUP BY 1, 2 HAVING count(*) > 2
"""

SEASONS = """
SELECT device_id, metric,
    ((extract(isodow FROM ts AT TIME ZONE 'UTC') - 1) * 24 + extract(hour FROM ts AT TIME ZONE 'UTC'))::int
        AS hour_of_week,
    count(*) AS readings,
    percentile_disc(0.1) WITHIN GROUP (ORDER BY value) AS p10,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY value) AS p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY value) AS p90
FROM sensor_readings WHERE ts >= $1 AND ts < $2 GROUP BY 1, 2, 3
"""
