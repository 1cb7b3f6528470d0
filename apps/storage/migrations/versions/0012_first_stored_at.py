"""Since when a device has each of its metrics, so that new ones can be counted.

Metrics that are there already get a time before all others: they are not new. A constant, so no row is written again.
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE latest_readings ADD COLUMN first_stored_at timestamptz DEFAULT 'epoch' NOT NULL")
    op.execute("ALTER TABLE latest_readings ALTER COLUMN first_stored_at SET DEFAULT clock_timestamp()")


def downgrade() -> None:
    op.execute("ALTER TABLE latest_readings DROP COLUMN first_stored_at")
