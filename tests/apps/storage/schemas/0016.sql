-- The schema as revision 0016 left it: written by `pg_dump --schema-only --no-owner`, without comments and grants to roles.
-- Frozen: it stands for a database that an older release made. A release with a new revision adds a file of its own.

CREATE FUNCTION public.drop_partition(name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '5s'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   WHERE c.relname = name
                   AND i.inhparent IN ('sensor_readings'::regclass, 'readings_minute'::regclass, 'readings_hour'::regclass, 'readings_day'::regclass)) THEN
        RAISE EXCEPTION '% is not a partition of readings', name;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
END $$;

CREATE FUNCTION public.ensure_partition(at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    month timestamptz := date_trunc('month', at, 'UTC');
    next_month timestamptz := (date_trunc('month', at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    suffix text := to_char(at AT TIME ZONE 'UTC', '"_y"YYYY"m"MM');
    made boolean := false;
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['sensor_readings', 'readings_minute', 'readings_hour', 'readings_day'] LOOP
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
END $$;

CREATE FUNCTION public.roll_back_deleted_readings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
BEGIN
    
    DELETE FROM readings_minute AS rollup
    USING (SELECT DISTINCT device_id, metric, date_trunc('minute', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    WHERE (rollup.device_id, rollup.metric, rollup.minute) = (gone.device_id, gone.metric, gone.bucket);
    INSERT INTO readings_minute (device_id, metric, minute, count, sum, min, max)
    SELECT gone.device_id, gone.metric, gone.bucket, count(*), sum(value), min(value), max(value)
    FROM (SELECT DISTINCT device_id, metric, date_trunc('minute', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    JOIN sensor_readings AS kept ON (kept.device_id, kept.metric) = (gone.device_id, gone.metric)
        AND kept.ts >= gone.bucket AND kept.ts < gone.bucket + interval '1 minute'
    GROUP BY 1, 2, 3;
    
    
    DELETE FROM readings_hour AS rollup
    USING (SELECT DISTINCT device_id, metric, date_trunc('hour', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    WHERE (rollup.device_id, rollup.metric, rollup.hour) = (gone.device_id, gone.metric, gone.bucket);
    INSERT INTO readings_hour (device_id, metric, hour, count, sum, min, max)
    SELECT gone.device_id, gone.metric, gone.bucket, count(*), sum(value), min(value), max(value)
    FROM (SELECT DISTINCT device_id, metric, date_trunc('hour', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    JOIN sensor_readings AS kept ON (kept.device_id, kept.metric) = (gone.device_id, gone.metric)
        AND kept.ts >= gone.bucket AND kept.ts < gone.bucket + interval '1 hour'
    GROUP BY 1, 2, 3;
    
    
    DELETE FROM readings_day AS rollup
    USING (SELECT DISTINCT device_id, metric, date_trunc('day', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    WHERE (rollup.device_id, rollup.metric, rollup.day) = (gone.device_id, gone.metric, gone.bucket);
    INSERT INTO readings_day (device_id, metric, day, count, sum, min, max)
    SELECT gone.device_id, gone.metric, gone.bucket, count(*), sum(value), min(value), max(value)
    FROM (SELECT DISTINCT device_id, metric, date_trunc('day', ts, 'UTC') AS bucket FROM deleted_readings) AS gone
    JOIN sensor_readings AS kept ON (kept.device_id, kept.metric) = (gone.device_id, gone.metric)
        AND kept.ts >= gone.bucket AND kept.ts < gone.bucket + interval '1 day'
    GROUP BY 1, 2, 3;
    
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
END $$;

CREATE FUNCTION public.roll_up_new_readings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    
    INSERT INTO readings_hour AS rollup (device_id, metric, hour, count, sum, min, max)
    SELECT device_id, metric, date_trunc('hour', ts, 'UTC'), count(*), sum(value), min(value), max(value)
    FROM new_readings GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (device_id, metric, hour) DO UPDATE SET
        count = rollup.count + excluded.count,
        sum = rollup.sum + excluded.sum,
        min = least(rollup.min, excluded.min),
        max = greatest(rollup.max, excluded.max);
    
    
    INSERT INTO readings_day AS rollup (device_id, metric, day, count, sum, min, max)
    SELECT device_id, metric, date_trunc('day', ts, 'UTC'), count(*), sum(value), min(value), max(value)
    FROM new_readings GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (device_id, metric, day) DO UPDATE SET
        count = rollup.count + excluded.count,
        sum = rollup.sum + excluded.sum,
        min = least(rollup.min, excluded.min),
        max = greatest(rollup.max, excluded.max);
    
    RETURN NULL;
END $$;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.alert_events (
    event_id bigint NOT NULL,
    alert_id uuid NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    comment text,
    happened_at timestamp with time zone,
    snoozed_until timestamp with time zone
);

ALTER TABLE public.alert_events ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alert_events_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.alert_notifications (
    alert_id uuid NOT NULL,
    first_sent_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.alerts (
    alert_id uuid DEFAULT gen_random_uuid() NOT NULL,
    source text NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    message text NOT NULL,
    score double precision,
    window_start timestamp with time zone,
    window_end timestamp with time zone,
    expected double precision,
    observed double precision,
    model text,
    model_version text,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    resolved_at timestamp with time zone,
    resolved_by text,
    device_id text,
    kind text,
    metric text,
    unit text,
    since timestamp with time zone,
    threshold double precision,
    labels text[] DEFAULT '{}'::text[] NOT NULL,
    rule_version integer,
    snoozed_until timestamp with time zone,
    CONSTRAINT alerts_severity_check CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
    CONSTRAINT alerts_state_check CHECK ((state = ANY (ARRAY['open'::text, 'acknowledged'::text, 'resolved'::text])))
);

CREATE TABLE public.api_keys (
    key_id text NOT NULL,
    key_hash bytea NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    labels text[],
    owner text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_by text
);

CREATE TABLE public.archive_days (
    day date NOT NULL,
    version integer NOT NULL,
    rows bigint NOT NULL,
    etag text NOT NULL,
    archived_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.audit_events (
    event_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    address text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    before jsonb,
    after jsonb
);

ALTER TABLE public.audit_events ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_events_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.credential_changes (
    version bigint NOT NULL
);

CREATE TABLE public.credential_uses (
    credential_id text NOT NULL,
    first_used_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL
);

CREATE TABLE public.detector_memory (
    signal text NOT NULL,
    model text NOT NULL,
    model_version text NOT NULL,
    memory jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.device_claims (
    device_id text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    claimed_at timestamp with time zone,
    claimed_by text
);

CREATE TABLE public.device_credentials (
    credential_id text NOT NULL,
    device_id text NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    fleet_key_id text,
    replaces text,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    version bigint NOT NULL
);

CREATE TABLE public.devices (
    device_id text NOT NULL,
    kind text NOT NULL,
    name text,
    labels text[] DEFAULT '{}'::text[] NOT NULL,
    attributes jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.fleet_keys (
    key_id text NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    kinds text[] NOT NULL,
    labels text[] NOT NULL,
    max_devices integer NOT NULL,
    registered integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone
);

CREATE TABLE public.latest_readings (
    device_id text NOT NULL,
    metric text NOT NULL,
    ts timestamp with time zone NOT NULL,
    value double precision NOT NULL,
    received_at timestamp with time zone NOT NULL,
    stored_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    first_stored_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.reading_log (
    partition smallint NOT NULL,
    xid bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    "position" bigint NOT NULL,
    logged_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    readings bytea NOT NULL
);

ALTER TABLE public.reading_log ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reading_log_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.readings_day (
    device_id text NOT NULL,
    metric text NOT NULL,
    day timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL
)
PARTITION BY RANGE (day);

CREATE TABLE public.readings_hour (
    device_id text NOT NULL,
    metric text NOT NULL,
    hour timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL
)
PARTITION BY RANGE (hour);

CREATE TABLE public.readings_minute (
    device_id text NOT NULL,
    metric text NOT NULL,
    minute timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL
)
PARTITION BY RANGE (minute);

CREATE TABLE public.rejected_records (
    rejected_id bigint NOT NULL,
    stream text NOT NULL,
    shard_id text NOT NULL,
    sequence_number text NOT NULL,
    "position" integer NOT NULL,
    device_id text,
    received_at timestamp with time zone,
    reason text NOT NULL,
    payload text NOT NULL,
    rejected_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.rejected_records ALTER COLUMN rejected_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rejected_records_rejected_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.report_months (
    month date NOT NULL,
    readings bigint NOT NULL,
    loaded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.rule_partitions (
    partition smallint NOT NULL,
    owner text,
    epoch bigint DEFAULT '0'::bigint NOT NULL,
    expires_at timestamp with time zone,
    seen_below bigint DEFAULT '0'::bigint NOT NULL,
    under_way bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    memory bytea,
    checkpoint_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.rule_versions (
    rule_id text NOT NULL,
    version integer NOT NULL,
    spec jsonb,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_by text NOT NULL
);

CREATE TABLE public.rules (
    rule_id text NOT NULL,
    version integer NOT NULL,
    spec jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_by text NOT NULL
);

CREATE TABLE public.schema_support (
    oldest_revision text NOT NULL
);

CREATE TABLE public.sensor_readings (
    device_id text NOT NULL,
    metric text NOT NULL,
    ts timestamp with time zone NOT NULL,
    value double precision NOT NULL,
    received_at timestamp with time zone NOT NULL,
    stored_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
PARTITION BY RANGE (ts);

CREATE TABLE public.series_forecasts (
    device_id text NOT NULL,
    metric text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    first_hour timestamp with time zone NOT NULL,
    expected double precision[] NOT NULL,
    model text NOT NULL,
    model_version text NOT NULL,
    tested_at timestamp with time zone NOT NULL,
    margin double precision NOT NULL,
    coverage double precision NOT NULL,
    mase double precision,
    baseline_mase double precision
);

CREATE TABLE public.series_reports (
    month date NOT NULL,
    device_id text NOT NULL,
    metric text NOT NULL,
    kind text NOT NULL,
    readings bigint NOT NULL,
    interval_seconds double precision,
    gaps bigint NOT NULL,
    longest_gap_seconds double precision NOT NULL,
    silent_seconds double precision NOT NULL,
    availability double precision NOT NULL,
    minimum double precision,
    p05 double precision,
    p50 double precision,
    p95 double precision,
    maximum double precision,
    longest_same_seconds double precision NOT NULL,
    drift double precision,
    findings text[] NOT NULL
);

CREATE TABLE public.sessions (
    session_hash bytea NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    groups text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.shard_leases (
    stream text NOT NULL,
    shard_id text NOT NULL,
    parents text[] DEFAULT '{}'::text[] NOT NULL,
    owner text,
    epoch bigint DEFAULT '0'::bigint NOT NULL,
    expires_at timestamp with time zone,
    checkpoint text,
    read_until timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished boolean DEFAULT false NOT NULL
);

CREATE TABLE public.upload_generations (
    device_id text NOT NULL,
    generation bigint NOT NULL,
    raised_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE public.viewing_links (
    link_id text NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    labels text[],
    views jsonb DEFAULT '[]'::jsonb NOT NULL,
    every_seconds integer NOT NULL,
    dim text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_by text
);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.alert_events
    ADD CONSTRAINT alert_events_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.alert_notifications
    ADD CONSTRAINT alert_notifications_pkey PRIMARY KEY (alert_id);

ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (alert_id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.archive_days
    ADD CONSTRAINT archive_days_pkey PRIMARY KEY (day);

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY public.credential_changes
    ADD CONSTRAINT credential_changes_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.credential_uses
    ADD CONSTRAINT credential_uses_pkey PRIMARY KEY (credential_id);

ALTER TABLE ONLY public.detector_memory
    ADD CONSTRAINT detector_memory_pkey PRIMARY KEY (signal, model);

ALTER TABLE ONLY public.device_claims
    ADD CONSTRAINT device_claims_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.device_credentials
    ADD CONSTRAINT device_credentials_pkey PRIMARY KEY (credential_id);

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.fleet_keys
    ADD CONSTRAINT fleet_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.latest_readings
    ADD CONSTRAINT latest_readings_pkey PRIMARY KEY (device_id, metric);

ALTER TABLE ONLY public.reading_log
    ADD CONSTRAINT reading_log_pkey PRIMARY KEY (partition, xid, "position");

ALTER TABLE ONLY public.readings_day
    ADD CONSTRAINT readings_day_pkey PRIMARY KEY (device_id, metric, day);

ALTER TABLE ONLY public.readings_hour
    ADD CONSTRAINT readings_hour_pkey PRIMARY KEY (device_id, metric, hour);

ALTER TABLE ONLY public.readings_minute
    ADD CONSTRAINT readings_minute_pkey PRIMARY KEY (device_id, metric, minute);

ALTER TABLE ONLY public.rejected_records
    ADD CONSTRAINT rejected_records_pkey PRIMARY KEY (rejected_id);

ALTER TABLE ONLY public.report_months
    ADD CONSTRAINT report_months_pkey PRIMARY KEY (month);

ALTER TABLE ONLY public.rule_partitions
    ADD CONSTRAINT rule_partitions_pkey PRIMARY KEY (partition);

ALTER TABLE ONLY public.rule_versions
    ADD CONSTRAINT rule_versions_pkey PRIMARY KEY (rule_id, version);

ALTER TABLE ONLY public.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (rule_id);

ALTER TABLE ONLY public.schema_support
    ADD CONSTRAINT schema_support_pkey PRIMARY KEY (oldest_revision);

ALTER TABLE ONLY public.sensor_readings
    ADD CONSTRAINT sensor_readings_pkey PRIMARY KEY (device_id, metric, ts);

ALTER TABLE ONLY public.series_forecasts
    ADD CONSTRAINT series_forecasts_pkey PRIMARY KEY (device_id, metric);

ALTER TABLE ONLY public.series_reports
    ADD CONSTRAINT series_reports_pkey PRIMARY KEY (month, device_id, metric);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_hash);

ALTER TABLE ONLY public.shard_leases
    ADD CONSTRAINT shard_leases_pkey PRIMARY KEY (stream, shard_id);

ALTER TABLE ONLY public.upload_generations
    ADD CONSTRAINT upload_generations_pkey PRIMARY KEY (device_id);

ALTER TABLE ONLY public.viewing_links
    ADD CONSTRAINT viewing_links_pkey PRIMARY KEY (link_id);

CREATE INDEX alert_events_alert_id_idx ON public.alert_events USING btree (alert_id);

CREATE INDEX alerts_opened_at_idx ON public.alerts USING btree (opened_at, alert_id);

CREATE INDEX alerts_resolved_at_idx ON public.alerts USING btree (resolved_at);

CREATE INDEX alerts_source_rule_resolved_at_idx ON public.alerts USING btree (source, rule, resolved_at);

CREATE UNIQUE INDEX alerts_source_rule_unresolved_key ON public.alerts USING btree (source, rule) WHERE (state <> 'resolved'::text);

CREATE INDEX audit_events_actor_event_id_idx ON public.audit_events USING btree (actor, event_id);

CREATE INDEX audit_events_subject_event_id_idx ON public.audit_events USING btree (subject, event_id);

CREATE INDEX device_credentials_device_id_idx ON public.device_credentials USING btree (device_id);

CREATE INDEX device_credentials_version_idx ON public.device_credentials USING btree (version);

CREATE INDEX latest_readings_stored_at_idx ON public.latest_readings USING btree (stored_at);

CREATE INDEX rejected_records_device_id_rejected_id_idx ON public.rejected_records USING btree (device_id, rejected_id);

CREATE INDEX rejected_records_rejected_at_idx ON public.rejected_records USING btree (rejected_at);

CREATE UNIQUE INDEX rejected_records_request_key ON public.rejected_records USING btree (device_id, received_at, "position") WHERE (received_at IS NOT NULL);

CREATE INDEX sensor_readings_stored_at_brin ON ONLY public.sensor_readings USING brin (stored_at);

CREATE INDEX series_reports_device_id_idx ON public.series_reports USING btree (device_id);

CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);

CREATE INDEX upload_generations_version_idx ON public.upload_generations USING btree (version);

CREATE TRIGGER roll_back_deleted_readings AFTER DELETE ON public.sensor_readings REFERENCING OLD TABLE AS deleted_readings FOR EACH STATEMENT EXECUTE FUNCTION public.roll_back_deleted_readings();

CREATE TRIGGER roll_up_new_readings AFTER INSERT ON public.sensor_readings REFERENCING NEW TABLE AS new_readings FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_new_readings();

ALTER TABLE ONLY public.alert_events
    ADD CONSTRAINT alert_events_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alerts(alert_id);

ALTER TABLE ONLY public.alert_notifications
    ADD CONSTRAINT alert_notifications_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alerts(alert_id) ON DELETE CASCADE;

REVOKE ALL ON FUNCTION public.drop_partition(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.ensure_partition(at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.roll_back_deleted_readings() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.roll_up_new_readings() FROM PUBLIC;

INSERT INTO public.alembic_version (version_num) VALUES ('0016');
