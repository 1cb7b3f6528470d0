"""The table of forecasts (docs/forecasts.md). It belongs to the metadata of the others."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from apps.storage.tables import TIME, metadata

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
