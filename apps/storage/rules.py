"""Rules: the one place that reads and writes them, each change with the version that it makes."""

from collections.abc import Collection
from typing import NamedTuple

import asyncpg
import msgspec

from apps.domain.rules import Rule, RuleSpec, RuleVersion
from apps.storage.channels import Channel, notify
from apps.storage.connection import Connection
from apps.storage.errors import VersionConflictError


class Replaced(NamedTuple):
    """A rule before and after an import; None: it was not there, or is no longer."""

    before: RuleSpec | None
    after: RuleSpec | None


async def load_rules(connection: Connection) -> list[Rule]:
    """Return every rule, by id."""
    return [_rule(row) for row in await connection.fetch(f"{_SELECT} ORDER BY rule_id")]


async def load_rules_about(connection: Connection, device_ids: Collection[str], metrics: Collection[str]) -> list[Rule]:
    """Return the rules that may speak of one of these devices and one of these metrics, by id."""
    query = f"{_SELECT} WHERE {_names('device_ids', '$1')} AND {_names('metrics', '$2')} ORDER BY rule_id"
    return [_rule(row) for row in await connection.fetch(query, list(device_ids), list(metrics))]


async def load_rule(connection: Connection, rule_id: str) -> Rule | None:
    """Return a rule."""
    row = await connection.fetchrow(f"{_SELECT} WHERE rule_id = $1", rule_id)
    return None if row is None else _rule(row)


async def load_versions(connection: Connection, rule_id: str) -> list[RuleVersion]:
    """Return every version that a rule had, the newest first."""
    return [
        RuleVersion(
            rule_id=row["rule_id"],
            version=row["version"],
            changed_at=row["changed_at"],
            changed_by=row["changed_by"],
            spec=None if row["spec"] is None else msgspec.json.decode(row["spec"], type=RuleSpec),
        )
        for row in await connection.fetch(_VERSIONS, rule_id)
    ]


async def save_rule(connection: Connection, spec: RuleSpec, actor: str, expected: int | None) -> Rule:
    """Write a rule, as its next version where it differs from what it was, and return it.

    `expected`: the version that is replaced, 0 where there shall be none yet, None for whatever it is. Raises
    VersionConflictError when it is another.
    """
    async with connection.transaction():
        known = await _locked(connection, spec.rule_id)
        if expected is not None and expected != (known.version if known else 0):
            raise VersionConflictError(spec.rule_id)
        if known is not None and spec_of(known) == spec:
            return known
        written = msgspec.json.encode(spec).decode()
        row = await connection.fetchrow(_SAVE, spec.rule_id, written, actor)
        if row is None:
            raise RuntimeError("an upsert that returns no row")
        await notify(connection, Channel.RULES)
        return _rule(row)


async def delete_rule(connection: Connection, rule_id: str, actor: str, expected: int | None) -> Rule | None:
    """Delete a rule and return it as it was; None where there is none. Its versions stay.

    Raises VersionConflictError when `expected` is given and is not its version.
    """
    async with connection.transaction():
        known = await _locked(connection, rule_id)
        if known is None:
            return None
        if expected not in (None, known.version):
            raise VersionConflictError(rule_id)
        await connection.execute(_DELETE, rule_id, actor)
        await notify(connection, Channel.RULES)
        return known


async def import_rules(
    connection: Connection, specs: Collection[RuleSpec], actor: str, *, delete_others: bool
) -> list[Replaced]:
    """Make the rules of these ids just as they are described, and return each; `delete_others`: and no others.

    Inside the caller's transaction, so that a dry run can take it back.
    """
    await connection.execute("LOCK TABLE rules IN SHARE ROW EXCLUSIVE MODE")
    known = {rule.rule_id: rule for rule in await load_rules(connection)}
    replaced = []
    for spec in specs:
        before = known.pop(spec.rule_id, None)
        replaced.append(Replaced(None if before is None else spec_of(before), spec))
        await save_rule(connection, spec, actor, None)
    for rule_id, before in known.items() if delete_others else ():
        await delete_rule(connection, rule_id, actor, None)
        replaced.append(Replaced(spec_of(before), None))
    return replaced


def spec_of(rule: Rule) -> RuleSpec:
    """Return a rule as a person wrote it."""
    return RuleSpec(**{name: getattr(rule, name) for name in RuleSpec.__struct_fields__})


async def _locked(connection: Connection, rule_id: str) -> Rule | None:
    # Two that make the same rule at once have no row to wait for.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('rule ' || $1))", rule_id)
    return await load_rule(connection, rule_id)


def _rule(row: asyncpg.Record) -> Rule:
    spec = msgspec.json.decode(row["spec"], type=RuleSpec)
    return Rule(
        **{name: getattr(spec, name) for name in RuleSpec.__struct_fields__},
        version=row["version"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )


def _names(scope: str, wanted: str) -> str:
    """Return the condition that a list of a rule's scope is empty or has one of the wanted names."""
    named = f"spec #> '{{scope,{scope}}}'"
    return f"(coalesce(jsonb_array_length({named}), 0) = 0 OR {named} ?| {wanted}::text[])"


_SELECT = "SELECT rule_id, version, spec, updated_at, updated_by FROM rules"

_VERSIONS = """
SELECT rule_id, version, spec, changed_at, changed_by FROM rule_versions WHERE rule_id = $1 ORDER BY version DESC
"""

# A rule that was deleted and is made again goes on counting.
_SAVE = """
WITH changed AS (
    INSERT INTO rule_versions (rule_id, version, spec, changed_by)
    SELECT $1, coalesce(max(version), 0) + 1, $2, $3 FROM rule_versions WHERE rule_id = $1
    RETURNING rule_id, version, spec, changed_at, changed_by
)
INSERT INTO rules (rule_id, version, spec, updated_at, updated_by)
SELECT rule_id, version, spec, changed_at, changed_by FROM changed
ON CONFLICT (rule_id) DO UPDATE SET version = excluded.version, spec = excluded.spec,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
RETURNING rule_id, version, spec, updated_at, updated_by
"""

_DELETE = """
WITH deleted AS (DELETE FROM rules WHERE rule_id = $1 RETURNING rule_id, version)
INSERT INTO rule_versions (rule_id, version, changed_by) SELECT rule_id, version + 1, $2 FROM deleted
"""
