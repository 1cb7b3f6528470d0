"""Why a value is not what was declared, in words that need no Python and no regular expression.

What is wanted of a text that follows a pattern is what its declaration says for people: the description and the first
example of its `msgspec.Meta`.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from msgspec import inspect

from apps.domain.text import NO_NUL_PATTERN

_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time",
    "uuid": "a UUID",
    "decimal": "a number",
}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly"}
_TIME = "2026-11-20T02:00:00Z"
_SHOWN = 80
_KEY = "key"
_PLACE = re.compile(r"(.*?)(?: - at (`key` in )?`\$([^`]*)`)?", re.DOTALL)


def plain_reason(error: Exception, kind: Any) -> str:
    """Return the reason of a decoder that wanted a `kind`: where it is, what is wrong with it, what is allowed."""
    text, in_key, path = _PLACE.fullmatch(str(error)).groups("")  # type: ignore[union-attr]  # it matches any text
    where = path.replace("[...]", "").lstrip(".")
    keys = ["[" if item else name for name, item in re.findall(r"\.([^.\[]+)|(\[)", path)]
    wanted = _type_at(inspect.type_info(kind), [*keys, _KEY] if in_key else keys)
    reason = f"{'a name ' if in_key else ''}{_reason(text, wanted)}"
    return f"{where}: {reason}" if where else reason


def _reason(text: str, wanted: inspect.Type | None) -> str:
    if text.endswith(f"matching regex {NO_NUL_PATTERN!r}"):
        return "must not hold the character NUL"
    if "matching regex" in text:
        return _pattern(wanted)
    if named := re.fullmatch(r"Invalid (?:enum )?value (.*)", text, re.DOTALL):
        allowed = ", ".join(dict.fromkeys(_allowed(wanted)))
        return (
            f"{named[1][:_SHOWN]} is not allowed: choose {allowed}"
            if allowed
            else f"{named[1][:_SHOWN]} is not allowed"
        )
    if named := re.fullmatch(r"Object missing required field `(.+)`", text):
        return f"{named[1]} is missing"
    if named := re.fullmatch(r"Object contains unknown field `(.+)`", text, re.DOTALL):
        fields = ", ".join(_fields(wanted))
        return f"there is no field {named[1][:_SHOWN]!r}" + (f": it takes {fields}" if fields else "")
    if bound := re.fullmatch(r"Expected `(\w+)` of length (>=|<=|==) (\d+)", text):
        singular, plural = ("entry", "entries") if bound[1] in ("array", "object") else ("character", "characters")
        return f"must have {_BOUNDS[bound[2]]} {bound[3]} {singular if bound[3] == '1' else plural}"
    if bound := re.fullmatch(r"Expected `\w+` (>=|<=|>|<) (\S+)", text):
        return f"must be {_BOUNDS[bound[1]]} {bound[2].removesuffix('.0')}"
    if "multiple of 1" in text:
        return "must be a whole number"
    if "timezone" in text:
        return f"must be a time with its zone, as in {_TIME}"
    if text.startswith("Invalid RFC3339"):
        return f"must be a time as RFC 3339 writes it, as in {_TIME}"
    if text == "Invalid UUID":
        return "must be a UUID, as in 4f9c1b0e-6c1f-4a0e-9d51-0a1b2c3d4e5f"
    if typed := re.fullmatch(r"Expected `(.+?)`(?:, got `(.+)`)?", text):
        got = f", not {_name(typed[2])}" if typed[2] else ""
        return f"must be {_name(typed[1])}{got}"
    return text


def _pattern(wanted: inspect.Type | None) -> str:
    for kind in _alternatives(wanted):
        schema = kind.extra_json_schema or {} if isinstance(kind, inspect.Metadata) else {}
        if description := schema.get("description"):
            return f"write {description[0].lower()}{description[1:]}{_for_example(schema)}"
        if "examples" in schema:
            return f"write it{_for_example(schema).replace(', for example', ' as')}"
    return "has characters that are not allowed"


def _for_example(schema: dict[str, Any]) -> str:
    examples = schema.get("examples", ())
    return f", for example {examples[0]}" if examples and "for example" not in schema.get("description", "") else ""


def _name(kinds: str) -> str:
    return " or ".join(_NAMES.get(kind.strip(), kind.strip()) for kind in kinds.split("|"))


def _allowed(wanted: inspect.Type | None) -> Iterator[str]:
    for kind in map(_bare, _alternatives(wanted)):
        if isinstance(kind, inspect.EnumType):
            yield from (str(member.value) for member in kind.cls if isinstance(member, Enum))
        elif isinstance(kind, inspect.LiteralType):
            yield from map(str, kind.values)
        elif isinstance(kind, inspect.StructType) and kind.tag is not None:
            yield str(kind.tag)


def _fields(wanted: inspect.Type | None) -> Iterator[str]:
    for kind in map(_bare, _alternatives(wanted)):
        if isinstance(kind, inspect.StructType):
            yield from (field.encode_name for field in kind.fields)


def _type_at(kind: inspect.Type | None, keys: list[str]) -> inspect.Type | None:
    """Return the type at a path of field names and of `[` for the items of a list."""
    if not keys:
        return kind
    for alternative in map(_bare, _alternatives(kind)):
        inner: inspect.Type | None = None
        if isinstance(alternative, inspect.StructType):
            inner = next((field.type for field in alternative.fields if field.encode_name == keys[0]), None)
            # The tag of a union is no field of any of its members.
            inner = kind if inner is None and keys[0] == alternative.tag_field else inner
        elif isinstance(alternative, inspect.DictType):
            inner = alternative.key_type if keys == [_KEY] else alternative.value_type
        elif isinstance(alternative, inspect.CollectionType) and keys[0] == "[":
            inner = alternative.item_type
        if inner is not None:
            return _type_at(inner, keys[1:])
    return None


def _alternatives(kind: inspect.Type | None) -> Iterator[inspect.Type]:
    """Yield the members of a union, and whatever else it is; each with what its declaration says for people."""
    bare = _bare(kind)
    if isinstance(bare, inspect.UnionType):
        for member in bare.types:
            yield from _alternatives(member)
    elif kind is not None:
        yield kind


def _bare(kind: inspect.Type | None) -> inspect.Type | None:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind
