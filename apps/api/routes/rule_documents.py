"""All rules as one YAML document, so that a team keeps them in Git."""

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from apps.api import audit
from apps.api.audit import Change
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import RawBody, Router
from apps.api.permissions import Permission
from apps.domain.errors import InvalidInputError
from apps.domain.rule_document import parse_rules, write_rules
from apps.domain.rules import RuleSpec
from apps.domain.text import decode
from apps.platform.errors import ProblemError
from apps.storage.rules import import_rules, load_rules, spec_of

router = Router("Rules as a document", "All rules at once, to keep in Git.")

YAML = "application/yaml"
MAX_BYTES = 2_000_000


class RuleDocument(msgspec.Struct, frozen=True):
    """What the YAML holds."""

    rules: list[RuleSpec]


class RuleImportQuery(msgspec.Struct, frozen=True):
    """What to do with the document."""

    dry_run: Annotated[bool, msgspec.Meta(description="true: only tell what would become of each rule")] = False
    delete_others: Annotated[bool, msgspec.Meta(description="true: delete rules that the document lacks")] = False


class RuleImportAnswer(msgspec.Struct, frozen=True):
    """The ids of rules by what became of them. Where there are errors, nothing was changed."""

    dry_run: bool
    created: list[str]
    updated: list[str]
    unchanged: list[str]
    deleted: list[str]
    errors: list[str]


@router.operation("GET", "/rules/export", permission=Permission.RULES_READ, produces={YAML: RuleDocument})
async def export_rules(context: Context) -> Response:
    """Write all rules as YAML, which the import takes."""
    async with context.database.connection() as connection:
        rules = await load_rules(connection)
    text = write_rules(spec_of(rule) for rule in rules)
    headers = {"Content-Disposition": 'attachment; filename="rules.yaml"'}
    return Response(text, media_type=YAML, headers=headers)


@router.operation(
    "POST", "/rules/import", permission=Permission.RULES_WRITE, consumes={YAML: Any}, body_limit=MAX_BYTES
)
async def import_rule_document(
    context: Context, query: RuleImportQuery, caller: Caller, body: RawBody
) -> RuleImportAnswer:
    """Make the rules just as a YAML document describes them.

    All of it or, where a rule is wrong, nothing: `errors` says what, for each rule that is. JSON is YAML too.
    """
    try:
        specs, errors = parse_rules(decode(body.content))
    except (InvalidInputError, ValueError) as error:
        raise ProblemError(400, str(error)) from None
    if errors:
        return RuleImportAnswer(query.dry_run, [], [], [], [], errors)
    async with context.database.transaction(dry_run=query.dry_run) as connection:
        replaced = await import_rules(connection, specs, caller.actor, delete_others=query.delete_others)
        changes = [
            Change(spec.rule_id, before, after)
            for before, after in replaced
            if before != after and (spec := after or before)
        ]
        await audit.record_all(context.database, caller, "rule.import", changes)
    answer = RuleImportAnswer(query.dry_run, [], [], [], [], [])
    for change in changes:
        done = answer.created if change.before is None else answer.deleted if change.after is None else answer.updated
        done.append(change.subject)
    answer.unchanged.extend(after.rule_id for before, after in replaced if after is not None and before == after)
    return answer
