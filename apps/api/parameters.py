"""Text from a URL or a header, checked against the types that a handler declares."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from apps.domain.plain_reasons import plain_reason
from apps.platform.errors import ProblemError

S = TypeVar("S", bound=msgspec.Struct)


def read_query(kind: type[S], given: Iterable[tuple[str, str]]) -> S:
    """Return the query parameters as a struct. Raises ProblemError 422 that names the parameter and what is allowed."""
    fields = _fields(kind)
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in fields:
            raise unknown_parameter(name, fields)
        if name in values:
            raise ProblemError(422, f"the parameter {name} is given twice: give it once", parameter=name)
        values[name] = read_value(name, text, fields[name].annotation)
    for name, field in fields.items():
        if field.required and name not in values:
            raise ProblemError(422, f"the parameter {name} is missing: this operation needs it", parameter=name)
    return kind(**values)


def read_value(name: str, text: str, annotation: Any) -> Any:
    """Return what one parameter's text stands for. Raises ProblemError 422 that names the parameter."""
    try:
        return msgspec.convert(_reader(annotation)(text), annotation)
    except msgspec.ValidationError as error:
        reason = plain_reason(error, annotation)
    except ValueError as error:
        reason = str(error)
    got = "" if repr(text) in reason else f", got {text[:80]!r}"
    raise ProblemError(422, f"the parameter {name}: {reason}{got}", parameter=name)


def unknown_parameter(name: str, allowed: Iterable[str]) -> ProblemError:
    """Return the refusal of a parameter that the operation does not take."""
    listed = ", ".join(allowed)
    takes = f"this operation takes {listed}" if listed else "this operation takes none"
    return ProblemError(422, f"there is no parameter {name[:80]!r}: {takes}", parameter=name[:80])


class _Field(NamedTuple):
    annotation: Any
    required: bool


@lru_cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, _Field]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.encode_name: _Field(hints[field.name], field.required) for field in msgspec.structs.fields(kind)}


@lru_cache
def _reader(annotation: Any) -> Callable[[str], Any]:
    """Everything but a number and a boolean is its own text."""
    kind = _bare(inspect.type_info(annotation))
    members = [_bare(option) for option in kind.types] if isinstance(kind, inspect.UnionType) else [kind]
    if any(isinstance(member, inspect.IntType) for member in members):
        return _integer
    if any(isinstance(member, inspect.BoolType) for member in members):
        return _boolean
    return str


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("must be a whole number")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"
