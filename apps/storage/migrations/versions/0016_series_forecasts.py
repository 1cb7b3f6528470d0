"""The newest forecast of each series."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE series_forecasts (
            device_id text NOT NULL,
            metric text NOT NULL,
            made_at timestamptz NOT NULL,
            first_hour timestamptz NOT NULL,
            expected double precision[] NOT NULL,
            model text NOT NULL,
            model_version text NOT NULL,
            tested_at timestamptz NOT NULL,
            margin double precision NOT NULL,
            coverage double precision NOT NULL,
            mase double precision,
            baseline_mase double precision,
            CONSTRAINT series_forecasts_pkey PRIMARY KEY (device_id, metric)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE series_forecasts")
