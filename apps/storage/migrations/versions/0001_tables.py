"""The first tables, and the functions that make and drop a month's partitions.

Frozen, as every migration that was ever carried out: it imports nothing of ours, and what changes comes as a revision
of its own.
"""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statement in (*TABLES, ENSURE_PARTITION, DROP_PARTITION):
        op.execute(statement)
    op.execute("REVOKE ALL ON FUNCTION ensure_partition(timestamptz), drop_partition(text) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION ensure_partition(timestamptz), drop_partition(text)")
    op.execute(
        "DROP TABLE alert_events, alerts, detector_memory, devices, latest_readings, readings_minute, "
        "rejected_records, sensor_readings, shard_leases"
    )


TABLES = (
    """
    CREATE TABLE devices (
        device_id text NOT NULL,
        kind text NOT NULL,
        name text,
        labels text[] DEFAULT '{}' NOT NULL,
        attributes jsonb DEFAULT '{}' NOT NULL,
        created_at timestamptz DEFAULT now() NOT NULL,
        updated_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT devices_pkey PRIMARY KEY (device_id)
    )
    """,
    """
    CREATE TABLE sensor_readings (
        device_id text NOT NULL,
        metric text NOT NULL,
        ts timestamptz NOT NULL,
        value double precision NOT NULL,
        received_at timestamptz NOT NULL,
        stored_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT sensor_readings_pkey PRIMARY KEY (device_id, metric, ts)
    ) PARTITION BY RANGE (ts)
    """,
    "CREATE INDEX sensor_readings_stored_at_brin ON sensor_readings USING brin (stored_at)",
    """
    CREATE TABLE readings_minute (
        device_id text NOT NULL,
        metric text NOT NULL,
        minute timestamptz NOT NULL,
        count bigint NOT NULL,
        sum double precision NOT NULL,
        min double precision NOT NULL,
        max double precision NOT NULL,
        CONSTRAINT readings_minute_pkey PRIMARY KEY (device_id, metric, minute)
    ) PARTITION BY RANGE (minute)
    """,
    """
    CREATE TABLE latest_readings (
        device_id text NOT NULL,
        metric text NOT NULL,
        ts timestamptz NOT NULL,
        value double precision NOT NULL,
        received_at timestamptz NOT NULL,
        stored_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT latest_readings_pkey PRIMARY KEY (device_id, metric)
    )
    """,
    "CREATE INDEX latest_readings_stored_at_idx ON latest_readings (stored_at)",
    """
    CREATE TABLE rejected_records (
        rejected_id bigint GENERATED ALWAYS AS IDENTITY,
        stream text NOT NULL,
        shard_id text NOT NULL,
        sequence_number text NOT NULL,
        position integer NOT NULL,
        device_id text,
        received_at timestamptz,
        reason text NOT NULL,
        payload text NOT NULL,
        rejected_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT rejected_records_pkey PRIMARY KEY (rejected_id)
    )
    """,
    "CREATE INDEX rejected_records_device_id_rejected_id_idx ON rejected_records (device_id, rejected_id)",
    "CREATE INDEX rejected_records_rejected_at_idx ON rejected_records (rejected_at)",
    """
    CREATE UNIQUE INDEX rejected_records_request_key ON rejected_records (device_id, received_at, position)
    WHERE received_at IS NOT NULL
    """,
    """
    CREATE TABLE shard_leases (
        stream text NOT NULL,
        shard_id text NOT NULL,
        parents text[] DEFAULT '{}' NOT NULL,
        owner text,
        epoch bigint DEFAULT '0' NOT NULL,
        expires_at timestamptz,
        checkpoint text,
        read_until timestamptz DEFAULT clock_timestamp() NOT NULL,
        finished boolean DEFAULT false NOT NULL,
        CONSTRAINT shard_leases_pkey PRIMARY KEY (stream, shard_id)
    )
    """,
    """
    CREATE TABLE alerts (
        alert_id uuid DEFAULT gen_random_uuid() NOT NULL,
        source text NOT NULL,
        rule text NOT NULL,
        severity text NOT NULL,
        state text DEFAULT 'open' NOT NULL,
        message text NOT NULL,
        score double precision,
        window_start timestamptz,
        window_end timestamptz,
        expected double precision,
        observed double precision,
        model text,
        model_version text,
        opened_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        updated_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        acknowledged_at timestamptz,
        acknowledged_by text,
        resolved_at timestamptz,
        resolved_by text,
        CONSTRAINT alerts_pkey PRIMARY KEY (alert_id),
        CONSTRAINT alerts_severity_check CHECK (severity IN ('info', 'warning', 'critical')),
        CONSTRAINT alerts_state_check CHECK (state IN ('open', 'acknowledged', 'resolved'))
    )
    """,
    "CREATE INDEX alerts_opened_at_idx ON alerts (opened_at, alert_id)",
    "CREATE UNIQUE INDEX alerts_source_rule_unresolved_key ON alerts (source, rule) WHERE state <> 'resolved'",
    """
    CREATE TABLE alert_events (
        event_id bigint GENERATED ALWAYS AS IDENTITY,
        alert_id uuid NOT NULL,
        at timestamptz DEFAULT clock_timestamp() NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        comment text,
        CONSTRAINT alert_events_pkey PRIMARY KEY (event_id),
        CONSTRAINT alert_events_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts (alert_id)
    )
    """,
    "CREATE INDEX alert_events_alert_id_idx ON alert_events (alert_id)",
    """
    CREATE TABLE detector_memory (
        signal text NOT NULL,
        model text NOT NULL,
        model_version text NOT NULL,
        memory jsonb NOT NULL,
        updated_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT detector_memory_pkey PRIMARY KEY (signal, model)
    )
    """,
)

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
