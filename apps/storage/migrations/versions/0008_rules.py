"""Rules are data, with every version that they had."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE rules (
            rule_id text NOT NULL,
            version integer NOT NULL,
            spec jsonb NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            updated_by text NOT NULL,
            CONSTRAINT rules_pkey PRIMARY KEY (rule_id)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE rule_versions (
            rule_id text NOT NULL,
            version integer NOT NULL,
            spec jsonb,
            changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            changed_by text NOT NULL,
            CONSTRAINT rule_versions_pkey PRIMARY KEY (rule_id, version)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE rule_versions")
    op.execute("DROP TABLE rules")
