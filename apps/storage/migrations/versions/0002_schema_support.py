"""The table that says whose code can use the schema. The migration itself keeps its row."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE schema_support (
            oldest_revision text NOT NULL,
            CONSTRAINT schema_support_pkey PRIMARY KEY (oldest_revision)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE schema_support")
