"""Rules as text: YAML that a team keeps in Git, and what is wrong with a rule that somebody wrote."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import msgspec
import yaml

from apps.domain.alerts import Severity
from apps.domain.errors import InvalidInputError, SenselessRuleError
from apps.domain.maintenance import Day, Maintenance
from apps.domain.rules import Condition, Direction, Override, RuleSpec, Scope

MAX_RULES = 1000
"""Rules of one document, and of a platform."""

_SHOWN = 60
"""Characters of what was found that are shown."""

_TAGGED = {kind.__struct_config__.tag: kind for union in (Condition, Maintenance) for kind in get_args(union)}
_STRUCTS = {"scope": Scope, "overrides": Override}
_ALLOWED: Mapping[str, Sequence[str]] = {
    "severity": list(Severity),
    "direction": list(Direction),
    "days": list(Day),
    "of": ["device", "metric"],
}
_PATTERNS = {
    "rule_id": "lower case letters, digits and '-', for example boiler-too-hot",
    "device_id": "letters, digits, '.', '_' and '-', at most 64",
    "device_ids": "letters, digits, '.', '_' and '-', at most 64",
    "kinds": "lower case letters, digits, '_' and '-', for example temperature",
    "labels": "letters, digits, spaces and ._:/- , for example team:heating",
    "metrics": "lower case letters, digits and '_', for example temperature",
    "start": 'hours and minutes, as "22:30"',
    "end": 'hours and minutes, as "22:30"',
}


def parse_rule(document: object) -> RuleSpec:
    """Return a rule from what JSON or YAML holds.

    Raises InvalidInputError that names the key, what was found there and what is allowed; SenselessRuleError where the
    parts do not fit together.
    """
    try:
        return msgspec.convert(document, RuleSpec)
    except msgspec.ValidationError as error:
        kind = InvalidInputError if error.__cause__ is None else SenselessRuleError
        raise kind(_explain(document, str(error))) from None


def parse_rules(text: str) -> tuple[list[RuleSpec], list[str]]:
    """Return the rules of a YAML document, `rules:` with a list, and what is wrong with each that is left out.

    Raises InvalidInputError when it is no such document.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"the text is not YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(document, dict) or list(document) != ["rules"] or not isinstance(document["rules"], list):
        raise InvalidInputError("expected a document with the one key rules and a list: rules: [{rule_id: ...}]")
    if len(document["rules"]) > MAX_RULES:
        raise InvalidInputError(f"{len(document['rules'])} rules are too many: at most {MAX_RULES}")
    specs: dict[str, RuleSpec] = {}
    errors: list[str] = []
    for number, item in enumerate(document["rules"], 1):
        try:
            spec = parse_rule(item)
        except InvalidInputError as error:
            errors.append(f"rule {number}{_named(item)}: {error}")
            continue
        if spec.rule_id in specs:
            errors.append(f"rule {number} ({spec.rule_id}): an earlier rule has the same rule_id")
        else:
            specs[spec.rule_id] = spec
    return list(specs.values()), errors


def write_rules(rules: Iterable[RuleSpec]) -> str:
    """Return rules as a YAML document, which `parse_rules` reads as the same rules. Defaults are left out."""
    documents = [_without_defaults(rule) for rule in rules]
    # A line break of Unicode's that PyYAML writes as it is and does not read back: then all is escaped.
    is_readable = all("\x85" not in rule["name"] for rule in documents)
    text: str = yaml.safe_dump({"rules": documents}, sort_keys=False, allow_unicode=is_readable, width=120)
    return text


def _without_defaults(struct: Any) -> dict[str, Any]:
    config = struct.__struct_config__
    plain: dict[str, Any] = {} if config.tag is None else {config.tag_field: config.tag}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if value != field.default:
            plain[field.encode_name] = _value(value)
    return plain


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _without_defaults(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    return msgspec.to_builtins(value)


def _named(item: object) -> str:
    return f" ({item['rule_id']})" if isinstance(item, dict) and isinstance(item.get("rule_id"), str) else ""


def _explain(document: object, reason: str) -> str:
    text, _, path = reason.partition(" - at `$")
    keys = re.findall(r"\w+", path.rstrip("`").replace("[...]", ""))
    names = [key for key in keys if not key.isdigit()]
    found = _look_up(document, re.findall(r"\w+", path.rstrip("`")))
    name = names[-1] if names else ""
    if named := re.search(r"unknown field `(.+?)`", text):
        text = f"there is no key {named[1]!r}: allowed are {', '.join(_fields(found, names))}"
    elif named := re.search(r"missing required field `(.+?)`", text):
        text = f"the key {named[1]!r} is missing"
    elif name in _PATTERNS and ("matching regex" in text or "got `int`" in text):
        text = f"expected {_PATTERNS[name]}, found {_show(found)}"
    elif text.startswith("Invalid") and (allowed := _allowed(names)):
        text = f"expected one of {', '.join(allowed)}, found {_show(found)}"
    elif text.startswith("Expected"):
        text = f"{text[0].lower()}{text[1:].replace('`', '')}, found {_show(found)}"
    elif text.startswith("Invalid"):
        text = f"{text[0].lower()}{text[1:]}, found {_show(found)}"
    return f"{path.rstrip('`').lstrip('.')}: {text}" if names else text


def _allowed(names: Sequence[str]) -> Sequence[str]:
    if names[-1:] != ["type"]:
        return _ALLOWED.get(names[-1], ()) if names else ()
    kinds = get_args(Maintenance if "maintenance" in names else Condition)
    return [kind.__struct_config__.tag for kind in kinds]


def _fields(found: object, names: Sequence[str]) -> list[str]:
    kind: Any = RuleSpec
    if isinstance(found, dict) and names:
        kind = _TAGGED.get(found.get("type"), _STRUCTS.get(names[-1], RuleSpec))
    fields = [field.encode_name for field in msgspec.structs.fields(kind)]
    return fields if kind.__struct_config__.tag is None else ["type", *fields]


def _look_up(document: object, keys: Sequence[str]) -> object:
    for key in keys:
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def _show(found: object) -> str:
    text = repr(found)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
