"""API keys, without what would let anybody in."""

from datetime import datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from apps.api.database import Database, Row
from apps.api.permissions import Permission
from apps.domain.readings import Time
from apps.storage.tables import api_keys


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it may be shown. It works until it expires or is revoked."""

    key_id: str
    """The part of the key that is no secret."""
    name: str
    scopes: list[Permission]
    labels: list[str] | None
    """It sees the devices with one of these labels alone; null: all."""
    owner: str
    """Who made it."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None
    revoked_by: str | None


class KeyOrder(NamedTuple):
    """What the list is sorted by."""

    created_at: Time
    key_id: str


class StoredKey(NamedTuple):
    """A key with what is kept of it, and whether it works now."""

    key: ApiKey
    key_hash: bytes
    is_valid: bool


async def find(database: Database, limit: int, after: KeyOrder | None) -> list[ApiKey]:
    """Return at most `limit` keys, the newest first."""
    query = sa.select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.key_id.desc()).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(api_keys.c.created_at, api_keys.c.key_id) < sa.tuple_(*map(sa.literal, after)))
    return [_key(row) for row in await database.rows(query)]


async def get(database: Database, key_id: str) -> StoredKey | None:
    """Return a key by its id."""
    row = await database.row(sa.select(api_keys, _IS_VALID).where(api_keys.c.key_id == key_id))
    return None if row is None else StoredKey(_key(row), row["key_hash"], row["is_valid"])


async def create(
    database: Database,
    key_id: str,
    key_hash: bytes,
    *,
    name: str,
    scopes: frozenset[Permission],
    labels: frozenset[str] | None,
    owner: str,
    expires_at: datetime | None = None,
) -> ApiKey | None:
    """Keep a key and return it; None where there is one of that id."""
    values = {
        "key_id": key_id,
        "key_hash": key_hash,
        "name": name,
        "scopes": sorted(scopes),
        "labels": None if labels is None else sorted(labels),
        "owner": owner,
        "expires_at": expires_at,
    }
    row = await database.row(insert(api_keys).values(values).on_conflict_do_nothing().returning(api_keys))
    return None if row is None else _key(row)


async def revoke(database: Database, key_id: str, by: str) -> ApiKey | None:
    """Revoke a key and return it as it was before; None where there is none. The first to revoke it is kept."""
    async with database.transaction():
        before = await database.row(sa.select(api_keys).where(api_keys.c.key_id == key_id).with_for_update())
        if before is None:
            return None
        await database.run(
            sa.update(api_keys)
            .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=sa.func.clock_timestamp(), revoked_by=by)
        )
        return _key(before)


async def touch(database: Database, key_id: str) -> None:
    """Note that a key was used just now, unless that was noted within the last minute."""
    is_old = sa.func.coalesce(api_keys.c.last_used_at, sa.text("'-infinity'")) < sa.text("now() - interval '1 minute'")
    await database.run(
        sa.update(api_keys).where(api_keys.c.key_id == key_id, is_old).values(last_used_at=sa.func.now())
    )


def _key(row: Row) -> ApiKey:
    columns = {name: row[name] for name in ApiKey.__struct_fields__}
    # A scope that a later release knows and this one does not allows nothing here.
    return msgspec.convert(columns | {"scopes": [scope for scope in row["scopes"] if scope in _SCOPES]}, ApiKey)


_SCOPES = frozenset(map(str, Permission))
_IS_VALID = (
    api_keys.c.revoked_at.is_(None) & sa.func.coalesce(api_keys.c.expires_at > sa.func.clock_timestamp(), sa.true())
).label("is_valid")
