"""Which days lie in the archive exactly as the database held them."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE archive_days (
            day date NOT NULL,
            version integer NOT NULL,
            rows bigint NOT NULL,
            etag text NOT NULL,
            archived_at timestamptz DEFAULT clock_timestamp() NOT NULL,
            CONSTRAINT archive_days_pkey PRIMARY KEY (day)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE archive_days")
