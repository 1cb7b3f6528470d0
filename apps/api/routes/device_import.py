"""Import of many devices at once."""

from typing import Annotated, Any

import msgspec

from apps.api import audit
from apps.api.audit import Change
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.device_rows import CSV, JSON, NDJSON, read_rows
from apps.api.operation import RawBody, Router
from apps.api.permissions import Permission
from apps.api.queries import devices
from apps.api.routes.devices import RESERVED
from apps.domain.devices import DeviceSpec
from apps.platform.errors import ProblemError

router = Router("Import", "Many devices at once.")

MAX_ROWS = 10_000
MAX_BYTES = 5_000_000


class ImportQuery(msgspec.Struct, frozen=True):
    """Whether to change anything."""

    dry_run: Annotated[bool, msgspec.Meta(description="true: only tell what would become of each row")] = False


class RowError(msgspec.Struct, frozen=True):
    """Why a row was left out. The first row is 1; the header of CSV does not count."""

    row: int
    reason: str


class ImportAnswer(msgspec.Struct, frozen=True):
    """How many devices were created, changed or as described already, and the rows that were left out."""

    dry_run: bool
    created: int
    updated: int
    unchanged: int
    errors: list[RowError]


@router.operation(
    "POST",
    "/devices/import",
    permission=Permission.DEVICES_WRITE,
    consumes={JSON: list[Any], NDJSON: str, CSV: str},
    body_limit=MAX_BYTES,
)
async def import_devices(context: Context, caller: Caller, query: ImportQuery, body: RawBody) -> ImportAnswer:
    """Create or change up to 10,000 devices.

    JSON: an array of devices; NDJSON: a device a line; CSV: the columns device_id, kind, name and labels (separated by
    `;`), any other column is an attribute. A row that describes a device describes all of it: what it leaves out is
    taken away. A bad row is left out with its reason, and the others are taken.
    """
    specs: dict[str, DeviceSpec] = {}
    errors: list[RowError] = []
    try:
        for row in read_rows(body.media_type, body.content):
            if row.number > MAX_ROWS:
                raise ProblemError(413, f"at most {MAX_ROWS} rows at a time: split the file")
            if isinstance(row.device, str):
                errors.append(RowError(row.number, row.device))
            elif row.device.device_id in RESERVED:
                errors.append(RowError(row.number, f"the id {row.device.device_id!r} is reserved"))
            elif row.device.device_id in specs:
                errors.append(RowError(row.number, f"the device {row.device.device_id} stands in an earlier row"))
            else:
                specs[row.device.device_id] = row.device
    except ValueError as error:
        raise ProblemError(400, str(error)) from None
    async with context.database.transaction():
        imported = await devices.import_all(context.database, list(specs.values()), dry_run=query.dry_run)
        if not query.dry_run:
            changes = [Change(name, None, specs[name]) for name in sorted(imported.created)]
            changes += [Change(name, before, specs[name]) for name, before in imported.updated.items()]
            await audit.record_all(context.database, caller, "device.import", changes)
    created, updated = len(imported.created), len(imported.updated)
    return ImportAnswer(query.dry_run, created, updated, len(specs) - created - updated, errors)
