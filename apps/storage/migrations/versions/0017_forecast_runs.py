"""How the last run of each share of the forecasts ended."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE forecast_runs (
            share integer NOT NULL,
            ended_at timestamptz NOT NULL,
            left_series integer NOT NULL,
            complete_at timestamptz NOT NULL,
            CONSTRAINT forecast_runs_pkey PRIMARY KEY (share)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE forecast_runs")
