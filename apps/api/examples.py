"""Examples of what is sent and answered, made of the schemas that are declared: each holds what its schema asks for.

A value is the schema's own example, or else one that fits: the default, the first of a choice, what the name of the
field stands for (`apps.api.field_words`), a bound.
"""

from collections.abc import Mapping
from typing import Any

from apps.api.field_words import FIELD_WORDS

Schema = Mapping[str, Any]

_FORMATS = {
    "date-time": "2026-11-26T08:00:00Z",
    "date": "2026-11-26",
    "uuid": "4f9c1b0e-6c1f-4a0e-9d51-0a1b2c3d4e5f",
}


class Examples:
    """Makes examples. `components`: the schemas that others refer to, by name."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def request(self, schema: Schema) -> Any:
        """Return what may be sent: what must be there, and what else has an example of its own."""
        return self._value(schema, "", frozenset(), with_optional=False)

    def answer(self, schema: Schema) -> Any:
        """Return what may be answered, every field filled in."""
        return self._value(schema, "", frozenset(), with_optional=True)

    def _value(self, schema: Schema, name: str, inside: frozenset[str], *, with_optional: bool) -> Any:
        if "examples" in schema:
            return schema["examples"][0]
        if "$ref" in schema:
            component = schema["$ref"].rpartition("/")[2]
            if component in inside:
                return None
            return self._value(self._components[component], name, inside | {component}, with_optional=with_optional)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            members = [member for member in schema["anyOf"] if member.get("type") != "null"]
            return self._value(members[0], name, inside, with_optional=with_optional)
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, inside, with_optional=with_optional)
        if kind == "array":
            return self._array(schema, name, inside, with_optional=with_optional)
        return self._scalar(schema, kind, name)

    def _object(self, schema: Schema, inside: frozenset[str], *, with_optional: bool) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        return {
            name: self._value(field, name, inside, with_optional=with_optional)
            for name, field in schema.get("properties", {}).items()
            if with_optional or name in required or _has_example(field)
        }

    def _array(self, schema: Schema, name: str, inside: frozenset[str], *, with_optional: bool) -> list[Any]:
        if "prefixItems" in schema:
            return [self._value(item, name, inside, with_optional=with_optional) for item in schema["prefixItems"]]
        items = schema.get("items")
        if not isinstance(items, Mapping):
            return []
        value = self._value(items, name, inside, with_optional=with_optional)
        return [] if value is None else [value]

    def _scalar(self, schema: Schema, kind: object, name: str) -> Any:
        if (found := _FORMATS.get(schema.get("format", ""))) is not None:
            return found
        known = FIELD_WORDS[name].example if name in FIELD_WORDS else None
        if known is not None and _fits(known, kind):
            return known
        if schema.get("default") is not None:
            return schema["default"]
        if kind in ("number", "integer"):
            return schema.get("minimum", 1)
        if kind == "boolean":
            return False
        return name.replace("_", " ") or "text"


def _has_example(schema: Schema) -> bool:
    """Tell whether a schema, or what it holds, has an example of its own."""
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if isinstance(schema.get("items"), Mapping) else [])]
    return "examples" in schema or any(map(_has_example, inner))


def _fits(value: object, kind: object) -> bool:
    if isinstance(value, str):
        return kind == "string"
    return kind == "number" or (kind == "integer" and isinstance(value, int))
