"""Credentials of devices, keys of fleets, codes on labels, and what of them was revoked."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.execute(
        "DROP TABLE credential_changes, credential_uses, device_claims, device_credentials, fleet_keys, "
        "upload_generations"
    )


TABLES = (
    """
    CREATE TABLE device_credentials (
        credential_id text NOT NULL,
        device_id text NOT NULL,
        digest bytea NOT NULL,
        created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        created_by text NOT NULL,
        fleet_key_id text,
        replaces text,
        expires_at timestamptz,
        revoked_at timestamptz,
        version bigint NOT NULL,
        CONSTRAINT device_credentials_pkey PRIMARY KEY (credential_id)
    )
    """,
    "CREATE INDEX device_credentials_device_id_idx ON device_credentials (device_id)",
    "CREATE INDEX device_credentials_version_idx ON device_credentials (version)",
    """
    CREATE TABLE credential_uses (
        credential_id text NOT NULL,
        first_used_at timestamptz NOT NULL,
        last_used_at timestamptz NOT NULL,
        CONSTRAINT credential_uses_pkey PRIMARY KEY (credential_id)
    )
    """,
    """
    CREATE TABLE upload_generations (
        device_id text NOT NULL,
        generation bigint NOT NULL,
        raised_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        version bigint NOT NULL,
        CONSTRAINT upload_generations_pkey PRIMARY KEY (device_id)
    )
    """,
    "CREATE INDEX upload_generations_version_idx ON upload_generations (version)",
    """
    CREATE TABLE credential_changes (
        version bigint NOT NULL,
        CONSTRAINT credential_changes_pkey PRIMARY KEY (version)
    )
    """,
    "INSERT INTO credential_changes VALUES (0)",
    """
    CREATE TABLE fleet_keys (
        key_id text NOT NULL,
        name text NOT NULL,
        digest bytea NOT NULL,
        kinds text[] NOT NULL,
        labels text[] NOT NULL,
        max_devices integer NOT NULL,
        registered integer DEFAULT 0 NOT NULL,
        created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        created_by text NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        last_used_at timestamptz,
        CONSTRAINT fleet_keys_pkey PRIMARY KEY (key_id)
    )
    """,
    """
    CREATE TABLE device_claims (
        device_id text NOT NULL,
        digest bytea NOT NULL,
        created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
        failures integer DEFAULT 0 NOT NULL,
        claimed_at timestamptz,
        claimed_by text,
        CONSTRAINT device_claims_pkey PRIMARY KEY (device_id)
    )
    """,
)
