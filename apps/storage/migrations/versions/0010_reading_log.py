"""What was stored lately, for those who judge each reading once, and what they remember."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE reading_log (
            partition smallint NOT NULL,
            xid bigint NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint,
            position bigint GENERATED ALWAYS AS IDENTITY,
            logged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            readings bytea NOT NULL,
            CONSTRAINT reading_log_pkey PRIMARY KEY (partition, xid, position)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE rule_partitions (
            partition smallint NOT NULL,
            owner text,
            epoch bigint NOT NULL DEFAULT '0',
            expires_at timestamptz,
            seen_below bigint NOT NULL DEFAULT '0',
            under_way bigint[] NOT NULL DEFAULT '{}',
            memory bytea,
            checkpoint_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            CONSTRAINT rule_partitions_pkey PRIMARY KEY (partition)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE rule_partitions")
    op.execute("DROP TABLE reading_log")
