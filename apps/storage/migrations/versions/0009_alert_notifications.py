"""The alerts that people were told of. Of those that were there before, everybody was."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE alert_notifications (
            alert_id uuid NOT NULL,
            first_sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            CONSTRAINT alert_notifications_pkey PRIMARY KEY (alert_id),
            CONSTRAINT alert_notifications_alert_id_fkey
                FOREIGN KEY (alert_id) REFERENCES alerts (alert_id) ON DELETE CASCADE
        )
        """
    )
    op.execute("INSERT INTO alert_notifications (alert_id, first_sent_at) SELECT alert_id, opened_at FROM alerts")
    op.execute("CREATE INDEX alerts_resolved_at_idx ON alerts (resolved_at)")


def downgrade() -> None:
    op.execute("DROP INDEX alerts_resolved_at_idx")
    op.execute("DROP TABLE alert_notifications")
