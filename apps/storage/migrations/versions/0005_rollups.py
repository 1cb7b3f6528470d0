"""Rollups by hour and by day, which the database itself keeps, and all rollups when readings are deleted.

Triggers, so that they are right whoever stores a reading: the release before this one too, which knows nothing of them.
What there is already is summed up here, from the rollups of minutes, which are kept longer than readings.
"""

# ruff: noqa: S608 - made of the names below alone

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for statement in (
        *TABLES,
        ROLL_UP,
        ROLL_UP_TRIGGER,
        ROLL_BACK,
        ROLL_BACK_TRIGGER,
        ensure_partition(LEVELS),
        drop_partition(LEVELS),
        PARTITIONS,
        *BACKFILL,
    ):
        op.execute(statement)
    op.execute("REVOKE ALL ON FUNCTION roll_up_new_readings(), roll_back_deleted_readings() FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP TRIGGER roll_up_new_readings ON sensor_readings")
    op.execute("DROP TRIGGER roll_back_deleted_readings ON sensor_readings")
    op.execute("DROP FUNCTION roll_up_new_readings(), roll_back_deleted_readings()")
    op.execute(ensure_partition(LEVELS_BEFORE))
    op.execute(drop_partition(LEVELS_BEFORE))
    op.execute("DROP TABLE readings_hour, readings_day")


LEVELS_BEFORE = ("sensor_readings", "readings_minute")
LEVELS = (*LEVELS_BEFORE, "readings_hour", "readings_day")

TABLES = tuple(
    f"""
    CREATE TABLE readings_{level} (
        device_id text NOT NULL,
        metric text NOT NULL,
        {level} timestamptz NOT NULL,
        count bigint NOT NULL,
        sum double precision NOT NULL,
        min double precision NOT NULL,
        max double precision NOT NULL,
        CONSTRAINT readings_{level}_pkey PRIMARY KEY (device_id, metric, {level})
    ) PARTITION BY RANGE ({level})
    """
    for level in ("hour", "day")
)


def roll_up(level: str) -> str:
    return f"""
    INSERT INTO readings_{level} AS rollup (device_id, metric, {level}, count, sum, min, max)
    SELECT device_id, metric, date_trunc('{level}', ts, 'UTC'), count(*), sum(value), min(value), max(value)
    FROM new_readings GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (device_id, metric, {level}) DO UPDATE SET
        count = rollup.count + excluded.count,
        sum = rollup.sum + excluded.sum,
        min = least(rollup.min, excluded.min),
        max = greatest(rollup.max, excluded.max);
    """


def roll_back(level: str) -> str:
    return f"""
    DELETE FROM readings_{level} AS rollup
    USING (SELECT DISTINCT device_id, metric, date_trunc('{level}', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    WHERE (rollup.device_id, rollup.metric, rollup.{level}) = (gone.device_id, gone.metric, gone.bucket);
    INSERT INTO readings_{level} (device_id, metric, {level}, count, sum, min, max)
    SELECT gone.device_id, gone.metric, gone.bucket, count(*), sum(value), min(value), max(value)
    FROM (SELECT DISTINCT device_id, metric, date_trunc('{level}', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    JOIN sensor_readings AS kept ON (kept.device_id, kept.metric) = (gone.device_id, gone.metric)
        AND kept.ts >= gone.bucket AND kept.ts < gone.bucket + interval '1 {level}'
    GROUP BY 1, 2, 3;
    """


# SECURITY DEFINER: nobody may write these tables but the triggers.
# Sorted, so that two that store readings of the same series wait for each other and never in a circle.
ROLL_UP = f"""
CREATE FUNCTION roll_up_new_readings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    {roll_up("hour")}
    {roll_up("day")}
    RETURN NULL;
END $$
"""

ROLL_UP_TRIGGER = """
CREATE TRIGGER roll_up_new_readings AFTER INSERT ON sensor_readings
REFERENCING NEW TABLE AS new_readings FOR EACH STATEMENT EXECUTE FUNCTION roll_up_new_readings()
"""

# Nothing can be taken out of a lowest or highest value: the buckets are summed up anew from what is left in them.
ROLL_BACK = f"""
CREATE FUNCTION roll_back_deleted_readings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    {roll_back("minute")}
    {roll_back("hour")}
    {roll_back("day")}
    DELETE FROM latest_readings AS latest
    USING (SELECT device_id, metric, max(ts) AS ts FROM deleted_readings GROUP BY 1, 2) AS gone
    WHERE (latest.device_id, latest.metric) = (gone.device_id, gone.metric) AND latest.ts <= gone.ts;
    INSERT INTO latest_readings (device_id, metric, ts, value, received_at)
    SELECT kept.device_id, kept.metric, kept.ts, kept.value, kept.received_at
    FROM (SELECT DISTINCT device_id, metric FROM deleted_readings) AS gone CROSS JOIN LATERAL (
        SELECT * FROM sensor_readings AS stored
        WHERE (stored.device_id, stored.metric) = (gone.device_id, gone.metric) ORDER BY ts DESC LIMIT 1
    ) AS kept
    -- What a device that is no longer registered has left is in no list.
    WHERE EXISTS (SELECT FROM devices WHERE devices.device_id = gone.device_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""

ROLL_BACK_TRIGGER = """
CREATE TRIGGER roll_back_deleted_readings AFTER DELETE ON sensor_readings
REFERENCING OLD TABLE AS deleted_readings FOR EACH STATEMENT EXECUTE FUNCTION roll_back_deleted_readings()
"""


# The two functions as they are since the first revision, for more tables.
def ensure_partition(parents: tuple[str, ...]) -> str:
    return f"""
CREATE OR REPLACE FUNCTION ensure_partition(at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month timestamptz := date_trunc('month', at, 'UTC');
    next_month timestamptz := (date_trunc('month', at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    suffix text := to_char(at AT TIME ZONE 'UTC', '"_y"YYYY"m"MM');
    made boolean := false;
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY[{", ".join(f"'{parent}'" for parent in parents)}] LOOP
        IF to_regclass(parent || suffix) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('ensure_partition'));
            -- Asks the table: to_regclass answers from a cache that does not know what was committed meanwhile.
            IF NOT EXISTS (SELECT FROM pg_class WHERE relname = parent || suffix) THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                               parent || suffix, parent, month, next_month);
                made := true;
            END IF;
        END IF;
    END LOOP;
    RETURN made;
END $$
"""


def drop_partition(parents: tuple[str, ...]) -> str:
    return f"""
CREATE OR REPLACE FUNCTION drop_partition(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   WHERE c.relname = name
                   AND i.inhparent IN ({", ".join(f"'{parent}'::regclass" for parent in parents)})) THEN
        RAISE EXCEPTION '% is not a partition of readings', name;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
END $$
"""


# Each month that has a partition of minutes gets one of hours and days; a month without readings too, as it had.
PARTITIONS = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent IN ('sensor_readings'::regclass, 'readings_minute'::regclass) ORDER BY 1 LOOP
        PERFORM ensure_partition(to_timestamp(right(name, 8) || ' UTC', '"y"YYYY"m"MM "UTC"')
                                 AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'UTC');
    END LOOP;
END $$
"""

BACKFILL = tuple(
    f"""
    INSERT INTO readings_{level} (device_id, metric, {level}, count, sum, min, max)
    SELECT device_id, metric, date_trunc('{level}', {finer}, 'UTC'), sum(count)::bigint, sum(sum), min(min), max(max)
    FROM readings_{finer} GROUP BY 1, 2, 3
    """
    for level, finer in (("hour", "minute"), ("day", "hour"))
)
