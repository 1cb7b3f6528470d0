"""Tables of what Spark says of months (docs/longterm.md). They belong to the metadata of the others."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from apps.storage.metadata import CLOCK, TIME, metadata

# What Spark says of each series of a month (docs/longterm.md). No reference to `devices`: what the archive
# holds may be of a device that is no longer registered. availability: a part, from 0 to 1.
series_reports = sa.Table(
    "series_reports",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("readings", sa.BigInteger, nullable=False),
    sa.Column("interval_seconds", sa.Double),
    sa.Column("gaps", sa.BigInteger, nullable=False),
    sa.Column("longest_gap_seconds", sa.Double, nullable=False),
    sa.Column("silent_seconds", sa.Double, nullable=False),
    sa.Column("availability", sa.Double, nullable=False),
    sa.Column("minimum", sa.Double),
    sa.Column("p05", sa.Double),
    sa.Column("p50", sa.Double),
    sa.Column("p95", sa.Double),
    sa.Column("maximum", sa.Double),
    sa.Column("longest_same_seconds", sa.Double, nullable=False),
    sa.Column("drift", sa.Double),
    sa.Column("findings", pg.ARRAY(sa.Text), nullable=False),
    sa.Index("series_reports_device_id_idx", "device_id"),
)

# Months of which Spark made reports. readings: of how many readings in the archive.
report_months = sa.Table(
    "report_months",
    metadata,
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("readings", sa.BigInteger, nullable=False),
    sa.Column("loaded_at", TIME, nullable=False, server_default=CLOCK),
)
