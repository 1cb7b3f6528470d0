"""Viewing links, without what would let anybody in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from apps.api.database import Database, Row
from apps.domain.credentials import Credential, CredentialId
from apps.domain.devices import Label
from apps.domain.text import NO_NUL_PATTERN
from apps.storage.connection import Connection

MIN_TURN_SECONDS, MAX_TURN_SECONDS = 5, 3600
HOURS = r"^([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-4])(?!\n)$"


class View(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a screen shows for a while: a name, and the query of the fleet's page, as in `?kind=power&view=gauges`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=NO_NUL_PATTERN, examples=["Heating"])]
    query: Annotated[
        str,
        msgspec.Meta(
            max_length=2000,
            pattern=r"^(\?[!-~]*)?(?!\n)$",
            description="The query of an address",
            examples=["?kind=power&view=gauges"],
        ),
    ] = ""


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen shows, and how. `dim`: from which hour to which it is dark, by its own clock."""

    name: str
    views: list[View]
    every_seconds: int
    dim: str | None
    expires_at: datetime | None


class ViewingLink(Screen, frozen=True, kw_only=True):
    """A link as it may be shown. It works until it expires or is revoked."""

    link_id: CredentialId
    labels: list[Label] | None
    """It shows the devices with one of these alone; null: all."""
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None
    revoked_by: str | None


async def create(
    connection: Connection,
    secret: Credential,
    *,
    name: str,
    labels: Sequence[str] | None,
    views: Sequence[View],
    every_seconds: int,
    dim: str | None,
    created_by: str,
    expires_at: datetime | None,
) -> ViewingLink:
    """Keep a new link and return it."""
    given = (
        *(secret.credential_id, secret.digest, name, None if labels is None else list(labels)),
        *(msgspec.json.encode(views).decode(), every_seconds, dim, created_by, expires_at),
    )
    (row,) = await connection.fetch(_INSERT, *given)
    return _link(row)


async def find(database: Database) -> list[ViewingLink]:
    """Return every link, the newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM viewing_links ORDER BY created_at DESC, link_id")
        return [_link(row) for row in rows]


async def get(database: Database, link_id: str) -> ViewingLink | None:
    """Return a link by its id."""
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM viewing_links WHERE link_id = $1", link_id)
        return None if row is None else _link(row)


async def identify(database: Database, secret: Credential) -> ViewingLink | None:
    """Return the link that this is the secret of, neither revoked nor expired, and note its use; None otherwise."""
    async with database.connection() as connection:
        row = await connection.fetchrow(_VALID, secret.credential_id)
        # What is not there takes as long as a wrong secret.
        if not secret.matches(bytes(32) if row is None else row["digest"]) or row is None:
            return None
        await connection.execute(_TOUCH, secret.credential_id)
        return _link(row)


async def revoke(connection: Connection, link_id: str, by: str) -> ViewingLink | None:
    """Revoke a link and return it as it was before; None where there is none. The first to revoke it is kept."""
    before = await connection.fetchrow("SELECT * FROM viewing_links WHERE link_id = $1 FOR UPDATE", link_id)
    if before is None:
        return None
    await connection.execute(_REVOKE, link_id, by)
    return _link(before)


def _link(row: Row) -> ViewingLink:
    columns: dict[str, Any] = {name: row[name] for name in ViewingLink.__struct_fields__}
    return ViewingLink(**columns | {"views": msgspec.json.decode(row["views"], type=list[View])})


_INSERT = """
INSERT INTO viewing_links (link_id, digest, name, labels, views, every_seconds, dim, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9) RETURNING *
"""

_VALID = """
SELECT * FROM viewing_links
WHERE link_id = $1 AND revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), true)
"""

_TOUCH = """
UPDATE viewing_links SET last_used_at = now()
WHERE link_id = $1 AND coalesce(last_used_at < now() - interval '1 minute', true)
"""

_REVOKE = """
UPDATE viewing_links SET revoked_at = clock_timestamp(), revoked_by = $2 WHERE link_id = $1 AND revoked_at IS NULL
"""
