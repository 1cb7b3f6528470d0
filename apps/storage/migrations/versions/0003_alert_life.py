"""Alerts say what they are about, and may be reopened and commented on. Their events have one word each."""

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = {
    "device_id": "text",
    "kind": "text",
    "metric": "text",
    "unit": "text",
    "since": "timestamptz",
    "threshold": "double precision",
    "labels": "text[] NOT NULL DEFAULT '{}'",
    "rule_version": "integer",
}
WORDS = {"acknowledge": "acknowledged", "resolve": "resolved"}


def upgrade() -> None:
    op.execute(f"ALTER TABLE alerts {', '.join(f'ADD COLUMN {name} {kind}' for name, kind in COLUMNS.items())}")
    op.execute("ALTER TABLE alert_events ADD COLUMN happened_at timestamptz")
    op.execute("CREATE INDEX alerts_source_rule_resolved_at_idx ON alerts (source, rule, resolved_at)")
    for old, new in WORDS.items():
        op.execute(f"UPDATE alert_events SET action = '{new}' WHERE action = '{old}'")  # noqa: S608


def downgrade() -> None:
    op.execute("DROP INDEX alerts_source_rule_resolved_at_idx")
    op.execute("ALTER TABLE alert_events DROP COLUMN happened_at")
    op.execute(f"ALTER TABLE alerts {', '.join(f'DROP COLUMN {name}' for name in COLUMNS)}")
