"""Links by which a screen shows without a login."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE viewing_links (
            link_id text NOT NULL,
            digest bytea NOT NULL,
            name text NOT NULL,
            labels text[],
            views jsonb DEFAULT '[]' NOT NULL,
            every_seconds integer NOT NULL,
            dim text,
            created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
            created_by text NOT NULL,
            expires_at timestamptz,
            last_used_at timestamptz,
            revoked_at timestamptz,
            revoked_by text,
            CONSTRAINT viewing_links_pkey PRIMARY KEY (link_id)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE viewing_links")
