"""The tables of forecasts (docs/forecasts.md). They belong to the metadata of the others."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from apps.storage.metadata import TIME, metadata

# One forecast for each series, the newest. expected: a value for each hour from first_hour on. margin: how far the band
# reaches to both sides. tested_at: when the model was chosen; coverage, mase, baseline_mase: how it did then.
# No reference to `devices`: what is forecast may be of a device that nobody registered.
series_forecasts = sa.Table(
    "series_forecasts",
    metadata,
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("made_at", TIME, nullable=False),
    sa.Column("first_hour", TIME, nullable=False),
    sa.Column("expected", pg.ARRAY(sa.Double), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("tested_at", TIME, nullable=False),
    sa.Column("margin", sa.Double, nullable=False),
    sa.Column("coverage", sa.Double, nullable=False),
    sa.Column("mase", sa.Double),
    sa.Column("baseline_mase", sa.Double),
)

# How the last run of each share of the series ended; a share is what one of several machines forecasts. complete_at:
# when it last left no series, or since when it is waited for.
forecast_runs = sa.Table(
    "forecast_runs",
    metadata,
    sa.Column("share", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ended_at", TIME, nullable=False),
    sa.Column("left_series", sa.Integer, nullable=False),
    sa.Column("complete_at", TIME, nullable=False),
)
