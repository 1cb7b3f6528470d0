"""Sessions of people whom the API signed in."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE sessions (
            session_hash bytea NOT NULL,
            subject text NOT NULL,
            name text NOT NULL,
            groups text[] NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT sessions_pkey PRIMARY KEY (session_hash)
        )
        """
    )
    op.execute("CREATE INDEX sessions_expires_at_idx ON sessions (expires_at)")


def downgrade() -> None:
    op.execute("DROP TABLE sessions")
