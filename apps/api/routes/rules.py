"""Rules: what people want to be told of."""

from typing import Annotated

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import JSON, Header, JsonResponse, Page, RawBody, Router
from apps.api.permissions import Permission
from apps.api.queries import devices
from apps.domain.devices import DeviceId
from apps.domain.errors import InvalidInputError, SenselessRuleError
from apps.domain.rule_document import MAX_RULES, parse_rule
from apps.domain.rules import Rule, RuleId, RuleSpec, RuleVersion
from apps.platform.errors import ProblemError
from apps.storage.errors import VersionConflictError
from apps.storage.rules import delete_rule, load_rule, load_rules, load_versions, save_rule, spec_of

router = Router("Rules", "What opens an alert: limits, rates and silence, as data with versions.")

NO_RULE = {404: "No such rule"}
CHANGED = {412: "The rule has changed since it was read"}

IfMatch = Annotated[
    Annotated[str, msgspec.Meta(description="The ETag of the rule as you know it: 412 when it has changed")] | None,
    Header("if-match"),
]


class RuleQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which rules to list."""

    device_id: Annotated[DeviceId, msgspec.Meta(description="Only rules that are about this device")] | None = None


@router.operation("GET", "/rules", permission=Permission.RULES_READ, errors={404: "No such device"}, etag=True)
async def list_rules(context: Context, caller: Caller, query: RuleQuery) -> Page[Rule]:
    """List rules by id.

    There are at most 1,000, so one page holds them all. Those of a device are told with what is different for it in
    `overrides`.
    """
    async with context.database.connection() as connection:
        rules = await load_rules(connection)
    if query.device_id is not None:
        device = await devices.get(context.database, query.device_id, caller.labels)
        if device is None:
            raise ProblemError(404, f"there is no device {query.device_id}: list them with GET /api/devices")
        rules = [rule for rule in rules if rule.scope.covers_device(device.device_id, device.kind, device.labels)]
    return Page(rules)


@router.operation(
    "POST",
    "/rules",
    status=201,
    permission=Permission.RULES_WRITE,
    consumes={JSON: RuleSpec},
    errors={409: "The id is taken, or there are 1,000 rules"},
)
async def create_rule(context: Context, caller: Caller, body: RawBody) -> JsonResponse[Rule]:
    """Make a rule."""
    spec = read_rule(body)
    async with context.database.transaction() as connection:
        if len(await load_rules(connection)) >= MAX_RULES:
            raise ProblemError(409, f"there are {MAX_RULES} rules, and no more are possible: widen one or delete one")
        try:
            rule = await save_rule(connection, spec, caller.actor, 0)
        except VersionConflictError:
            raise ProblemError(409, f"there is a rule {spec.rule_id}: change it with PUT") from None
        await audit.record(context.database, caller, "rule.create", spec.rule_id, after=spec)
    return JsonResponse(rule, {"ETag": _etag(rule), "Location": f"/api/rules/{rule.rule_id}"})


@router.operation("GET", "/rules/{rule_id}", permission=Permission.RULES_READ, errors=NO_RULE, etag=True)
async def show_rule(context: Context, rule_id: RuleId) -> JsonResponse[Rule]:
    """Show a rule."""
    async with context.database.connection() as connection:
        rule = await load_rule(connection, rule_id)
    if rule is None:
        raise _missing(rule_id)
    return JsonResponse(rule, {"ETag": _etag(rule)})


@router.operation(
    "PUT",
    "/rules/{rule_id}",
    permission=Permission.RULES_WRITE,
    consumes={JSON: RuleSpec},
    errors=NO_RULE | CHANGED,
)
async def replace_rule(
    context: Context, rule_id: RuleId, caller: Caller, body: RawBody, if_match: IfMatch = None
) -> JsonResponse[Rule]:
    """Replace a rule by another version of it.

    Its open alerts stay open until the new version says that they are over. With If-Match, only the rule as you know it
    is replaced; what changes nothing makes no version.
    """
    spec = read_rule(body)
    if spec.rule_id != rule_id:
        raise ProblemError(400, f"the body's rule_id is {spec.rule_id!r} and the path's {rule_id!r}: an id stays")
    async with context.database.transaction() as connection:
        before = await load_rule(connection, rule_id)
        if before is None:
            raise _missing(rule_id)
        try:
            rule = await save_rule(connection, spec, caller.actor, _version(if_match))
        except VersionConflictError:
            raise _changed(rule_id) from None
        if rule.version != before.version:
            await audit.record(context.database, caller, "rule.change", rule_id, before=spec_of(before), after=spec)
    return JsonResponse(rule, {"ETag": _etag(rule)})


@router.operation("DELETE", "/rules/{rule_id}", status=204, permission=Permission.RULES_WRITE, errors=NO_RULE | CHANGED)
async def remove_rule(context: Context, rule_id: RuleId, caller: Caller, if_match: IfMatch = None) -> None:
    """Delete a rule.

    Its open alerts are resolved; its versions stay.
    """
    async with context.database.transaction() as connection:
        try:
            deleted = await delete_rule(connection, rule_id, caller.actor, _version(if_match))
        except VersionConflictError:
            raise _changed(rule_id) from None
        if deleted is None:
            raise _missing(rule_id)
        await audit.record(context.database, caller, "rule.delete", rule_id, before=spec_of(deleted))


@router.operation(
    "GET", "/rules/{rule_id}/versions", permission=Permission.RULES_READ, errors={404: "There never was such a rule"}
)
async def list_versions(context: Context, rule_id: RuleId) -> Page[RuleVersion]:
    """List every version of a rule, the newest first, also of one that was deleted.

    To go back, PUT an older `spec`.
    """
    async with context.database.connection() as connection:
        versions = await load_versions(connection, rule_id)
    if not versions:
        raise _missing(rule_id)
    return Page(versions)


def read_rule(body: RawBody) -> RuleSpec:
    """Return the rule that a body holds. Raises ProblemError that names the key and what is allowed there."""
    try:
        document = msgspec.json.decode(body.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(400, f"the body is not JSON: {error}") from None
    try:
        return parse_rule(document)
    except SenselessRuleError as error:
        raise ProblemError(400, str(error)) from None
    except InvalidInputError as error:
        raise ProblemError(422, str(error)) from None


def _missing(rule_id: str) -> ProblemError:
    return ProblemError(404, f"there is no rule {rule_id}: list them with GET /api/rules")


def _changed(rule_id: str) -> ProblemError:
    return ProblemError(412, f"the rule {rule_id} has changed since you read it: read it again, then decide")


def _etag(rule: Rule) -> str:
    return f'"{rule.version}"'


def _version(if_match: str | None) -> int | None:
    if if_match in (None, "*"):
        return None
    text = if_match.removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
