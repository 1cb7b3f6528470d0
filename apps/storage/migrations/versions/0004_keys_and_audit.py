"""Keys of programs, and the audit trail of everything that people and programs change."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE api_keys (
            key_id text NOT NULL,
            key_hash bytea NOT NULL,
            name text NOT NULL,
            scopes text[] NOT NULL,
            labels text[],
            owner text NOT NULL,
            created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
            expires_at timestamptz,
            last_used_at timestamptz,
            revoked_at timestamptz,
            revoked_by text,
            CONSTRAINT api_keys_pkey PRIMARY KEY (key_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE audit_events (
            event_id bigint GENERATED ALWAYS AS IDENTITY,
            at timestamptz DEFAULT clock_timestamp() NOT NULL,
            actor text NOT NULL,
            address text NOT NULL,
            action text NOT NULL,
            subject text NOT NULL,
            before jsonb,
            after jsonb,
            CONSTRAINT audit_events_pkey PRIMARY KEY (event_id)
        )
        """
    )
    op.execute("CREATE INDEX audit_events_subject_event_id_idx ON audit_events (subject, event_id)")
    op.execute("CREATE INDEX audit_events_actor_event_id_idx ON audit_events (actor, event_id)")


def downgrade() -> None:
    op.execute("DROP TABLE audit_events")
    op.execute("DROP TABLE api_keys")
