"""The tables of what is looked at by a link, beside `apps.storage.tables`."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from apps.storage.metadata import CLOCK, TIME, metadata

# Links by which a screen shows without a login: of the secret only its SHA-256. labels: as of a key. views: which it
# shows in turn, each with its name and the query of its address. dim: hours of the day, as 22-6.
viewing_links = sa.Table(
    "viewing_links",
    metadata,
    sa.Column("link_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("labels", pg.ARRAY(sa.Text)),
    sa.Column("views", pg.JSONB, nullable=False, server_default="[]"),
    sa.Column("every_seconds", sa.Integer, nullable=False),
    sa.Column("dim", sa.Text),
    sa.Column("created_at", TIME, nullable=False, server_default=CLOCK),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", TIME),
    sa.Column("last_used_at", TIME),
    sa.Column("revoked_at", TIME),
    sa.Column("revoked_by", sa.Text),
)
