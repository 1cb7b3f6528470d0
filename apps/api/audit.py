"""The audit trail: who changed what, from where, and what it was before and after.

Whoever changes something records it in the same transaction, as its last statement: a change without its record never
commits. The record goes to the log too, which is kept elsewhere.
"""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from apps.api.caller import Caller
from apps.api.database import Database

log = logging.getLogger(__name__)


class Change(msgspec.Struct, frozen=True):
    """What became of one subject. None: it was not there, or is no longer."""

    subject: str
    before: Any
    after: Any


async def record(
    database: Database, caller: Caller, action: str, subject: str, *, before: Any = None, after: Any = None
) -> None:
    """Record one change inside the caller's transaction. `action`: a resource and a verb, as in `device.change`."""
    await record_all(database, caller, action, [Change(subject, before, after)])


async def record_all(database: Database, caller: Caller, action: str, changes: Sequence[Change]) -> None:
    """Record the same action on many subjects."""
    async with database.connection() as connection:
        document = msgspec.json.encode(changes).decode()
        await connection.execute(_INSERT, caller.actor, caller.address, action, document)
    for change in changes:
        about = {"actor": caller.actor, "address": caller.address, **msgspec.to_builtins(change)}
        log.info("audit: %s %s", action, change.subject, extra={"action": action, **about})


_INSERT = """
    INSERT INTO audit_events (actor, address, action, subject, before, after)
    SELECT $1, $2, $3, subject, nullif(before, 'null'), nullif(after, 'null')
    FROM jsonb_to_recordset($4::jsonb) AS given (subject text, before jsonb, after jsonb)
"""
