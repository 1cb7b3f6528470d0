"""Until when nobody is told of an alert again, and which event said so."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("ALTER TABLE alerts ADD COLUMN snoozed_until timestamptz")
    op.execute("ALTER TABLE alert_events ADD COLUMN snoozed_until timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE alert_events DROP COLUMN snoozed_until")
    op.execute("ALTER TABLE alerts DROP COLUMN snoozed_until")
