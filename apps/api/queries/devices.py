"""Devices, with when each was last heard of."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from apps.api.database import Database, Row
from apps.api.queries.sql import Labels, is_seen
from apps.domain.devices import UNKNOWN_KIND, Device, DevicePatch, DeviceSpec
from apps.domain.text import in_any_case
from apps.storage import credentials
from apps.storage.errors import VersionConflictError
from apps.storage.tables import devices, latest_readings

ACTIVE_WITHIN = timedelta(minutes=15)
"""A device is active when its newest reading is not older."""


def version(device: Device) -> str:
    """Return what changes with every change that an operator makes, and with nothing else."""
    return f"{round(device.updated_at.timestamp() * 1_000_000):x}"


async def find(
    database: Database,
    *,
    kind: str | None,
    label: str | None,
    text: str | None,
    limit: int,
    after: str | None,
    labels: Labels,
) -> list[Device]:
    """Return at most `limit` devices by id. `text` may stand anywhere in the id or the name, in any case."""
    query = _SELECT.where(is_seen(labels, devices.c.device_id)).order_by(devices.c.device_id).limit(limit)
    if kind is not None:
        query = query.where(devices.c.kind == kind)
    if label is not None:
        query = query.where(devices.c.labels.contains([label]))
    if text is not None:
        pattern = in_any_case(text)
        query = query.where(devices.c.device_id.regexp_match(pattern) | devices.c.name.regexp_match(pattern))
    if after is not None:
        query = query.where(devices.c.device_id > after)
    return [_device(row) for row in await database.rows(query)]


async def get(database: Database, device_id: str, labels: Labels = None) -> Device | None:
    """Return a device, if it is seen."""
    row = await database.row(_SELECT.where(devices.c.device_id == device_id, is_seen(labels, devices.c.device_id)))
    return None if row is None else _device(row)


async def create(database: Database, spec: DeviceSpec) -> Device | None:
    """Register a device and return it; None where somebody has registered one of that id.

    One that nobody registered, which is there because its readings came, is registered now.
    """
    columns = _columns(spec)
    statement = (
        insert(devices)
        .values(**columns)
        .on_conflict_do_update(
            index_elements=[devices.c.device_id],
            set_={**columns, "updated_at": sa.func.clock_timestamp()},
            where=devices.c.kind == UNKNOWN_KIND,
        )
        .returning(devices.c.device_id)
    )
    async with database.transaction():
        if await database.row(statement) is None:
            return None
        return await get(database, spec.device_id)


class Changed(NamedTuple):
    """A device before and after a change."""

    before: Device
    after: Device


async def change(database: Database, device_id: str, patch: DevicePatch, expected: str | None) -> Changed | None:
    """Change what the patch holds; None where there is no such device.

    Raises VersionConflictError when `expected` is given and is not the device's version.
    """
    async with database.transaction():
        current = await _locked(database, device_id, expected)
        if current is None:
            return None
        described = _columns(spec_of(current))
        changes = {name: value for name, value in _columns(patch).items() if value != described[name]}
        if changes:
            # Two changes in one microsecond must still differ.
            changed_at = sa.func.greatest(
                sa.func.clock_timestamp(), devices.c.updated_at + sa.text("interval '1 microsecond'")
            )
            await database.run(
                sa.update(devices).where(devices.c.device_id == device_id).values(**changes, updated_at=changed_at)
            )
        after = await get(database, device_id)
        return None if after is None else Changed(current, after)


async def delete(database: Database, device_id: str, expected: str | None) -> Device | None:
    """Take a device out of the registry, with its series and all that it holds; return what it was, None for none.

    Its readings stay until their retention ends.

    Raises VersionConflictError when `expected` is given and is not the device's version.
    """
    async with database.transaction():
        current = await _locked(database, device_id, expected)
        if current is None:
            return None
        await database.run(sa.delete(devices).where(devices.c.device_id == device_id))
        await database.run(sa.delete(latest_readings).where(latest_readings.c.device_id == device_id))
        async with database.connection() as connection:
            await credentials.revoke_device(connection, device_id)
            await connection.execute("DELETE FROM device_claims WHERE device_id = $1", device_id)
        return current


async def forget_metric(database: Database, device_id: str, metric: str) -> bool:
    """Forget the newest value of a metric and tell whether there was one: with it goes its place among the device's."""
    row = await database.row(
        sa.delete(latest_readings)
        .where(latest_readings.c.device_id == device_id, latest_readings.c.metric == metric)
        .returning(latest_readings.c.metric)
    )
    return row is not None


class Imported(NamedTuple):
    """Which devices of an import were new, and what those that were changed had been."""

    created: Collection[str]
    updated: Mapping[str, DeviceSpec]


async def import_all(database: Database, specs: Sequence[DeviceSpec], *, dry_run: bool) -> Imported:
    """Make the registry hold these devices just as they are described; a dry run only tells what it would do."""
    document = msgspec.json.encode(specs).decode()
    async with database.transaction(dry_run=dry_run) as connection:
        known = await connection.fetch(_LOCK_ALL, sorted(spec.device_id for spec in specs))
        written = {row["device_id"] for row in await connection.fetch(_IMPORT, document)}
    before = {row["device_id"]: _spec(row) for row in known}
    return Imported(written - before.keys(), {name: spec for name, spec in before.items() if name in written})


def spec_of(device: Device) -> DeviceSpec:
    """Return a device as an operator describes it."""
    return DeviceSpec(**{name: getattr(device, name) for name in DeviceSpec.__struct_fields__})


async def _locked(database: Database, device_id: str, expected: str | None) -> Device | None:
    await database.run(sa.select(devices.c.device_id).where(devices.c.device_id == device_id).with_for_update())
    current = await get(database, device_id)
    if current is not None and expected not in (None, version(current)):
        raise VersionConflictError(device_id)
    return current


def _columns(spec: DeviceSpec | DevicePatch) -> dict[str, Any]:
    given = {name: value for name, value in msgspec.structs.asdict(spec).items() if value is not msgspec.UNSET}
    return given | ({"labels": list(given["labels"])} if "labels" in given else {})


def _spec(row: Row) -> DeviceSpec:
    columns = {name: row[name] for name in DeviceSpec.__struct_fields__}
    return DeviceSpec(**columns | _parsed(row))


def _parsed(row: Row) -> dict[str, Any]:
    return {"labels": tuple(row["labels"]), "attributes": msgspec.json.decode(row["attributes"])}


def _device(row: Row) -> Device:
    columns = dict(row) | _parsed(row)
    now, seen_at = columns.pop("now"), columns["last_seen_at"]
    return Device(**columns, active=seen_at is not None and now - seen_at <= ACTIVE_WITHIN)


# In one order, so that two imports wait for each other instead of locking up.
_LOCK_ALL = "SELECT * FROM devices WHERE device_id = ANY($1::text[]) ORDER BY device_id FOR UPDATE"

# Returns what it wrote: a device that is as described already is not among it.
_IMPORT = """
    INSERT INTO devices AS known (device_id, kind, name, labels, attributes)
    SELECT device_id, kind, name, labels, attributes FROM jsonb_to_recordset($1::jsonb)
        AS given (device_id text, kind text, name text, labels text[], attributes jsonb)
    ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE SET
        kind = excluded.kind, name = excluded.name, labels = excluded.labels, attributes = excluded.attributes,
        updated_at = greatest(clock_timestamp(), known.updated_at + interval '1 microsecond')
    WHERE (known.kind, known.name, known.labels, known.attributes)
        IS DISTINCT FROM (excluded.kind, excluded.name, excluded.labels, excluded.attributes)
    RETURNING device_id
"""

_SELECT = sa.select(
    devices,
    sa.select(sa.func.max(latest_readings.c.ts))
    .where(latest_readings.c.device_id == devices.c.device_id)
    .scalar_subquery()
    .label("last_seen_at"),
    sa.func.now().label("now"),
)
