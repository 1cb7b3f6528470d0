"""What Spark says of each series of a month."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE series_reports (
            month date NOT NULL,
            device_id text NOT NULL,
            metric text NOT NULL,
            kind text NOT NULL,
            readings bigint NOT NULL,
            interval_seconds double precision,
            gaps bigint NOT NULL,
            longest_gap_seconds double precision NOT NULL,
            silent_seconds double precision NOT NULL,
            availability double precision NOT NULL,
            minimum double precision,
            p05 double precision,
            p50 double precision,
            p95 double precision,
            maximum double precision,
            longest_same_seconds double precision NOT NULL,
            drift double precision,
            findings text[] NOT NULL,
            CONSTRAINT series_reports_pkey PRIMARY KEY (month, device_id, metric)
        )
        """
    )
    op.execute("CREATE INDEX series_reports_device_id_idx ON series_reports (device_id)")
    op.execute(
        """
        CREATE TABLE report_months (
            month date NOT NULL,
            readings bigint NOT NULL,
            loaded_at timestamptz DEFAULT clock_timestamp() NOT NULL,
            CONSTRAINT report_months_pkey PRIMARY KEY (month)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE report_months")
    op.execute("DROP TABLE series_reports")
