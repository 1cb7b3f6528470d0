"""The first tables, and the function that makes a month's partitions."""

from alembic import op

from apps.storage import tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    tables.metadata.create_all(op.get_bind())
    # Counting and following what was stored lately; BRIN costs kilobytes where a B-tree costs gigabytes.
    op.execute("CREATE INDEX sensor_readings_stored_at_brin ON sensor_readings USING brin (stored_at)")
    op.execute(ENSURE_PARTITION)
    op.execute(DROP_PARTITION)
    op.execute("REVOKE ALL ON FUNCTION ensure_partition(timestamptz), drop_partition(text) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION ensure_partition(timestamptz), drop_partition(text)")
    tables.metadata.drop_all(op.get_bind())


# Both are SECURITY DEFINER: a role may add or drop a month without being the owner of the tables.
# Two workers may want the same month at once: the advisory lock lets the second find what the first made.
ENSURE_PARTITION = """
CREATE FUNCTION ensure_partition(at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month timestamptz := date_trunc('month', at, 'UTC');
    next_month timestamptz := (date_trunc('month', at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    suffix text := to_char(at AT TIME ZONE 'UTC', '"_y"YYYY"m"MM');
    made boolean := false;
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['sensor_readings', 'readings_minute'] LOOP
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

# Waits at most 5 s for readers, so that it never holds up writing.
DROP_PARTITION = """
CREATE FUNCTION drop_partition(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   WHERE c.relname = name
                   AND i.inhparent IN ('sensor_readings'::regclass, 'readings_minute'::regclass)) THEN
        RAISE EXCEPTION '% is not a partition of readings', name;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
END $$
"""
