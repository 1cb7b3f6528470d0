"""Reading the inputs of resources, of which a preview does not know all."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from policy.errors import UnknownValueError

T = TypeVar("T")

Properties: TypeAlias = Mapping[str, Any]
"""A resource's inputs, named as Pulumi names them on the wire (camelCase)."""


class UnknownProperties(Mapping[str, Any]):
    """The properties of a resource of which a preview shows none, because its provider is not made yet.

    Each look at one raises UnknownValueError: that nothing is known must not read as that nothing is there.
    """

    def __getitem__(self, key: str) -> Any:
        raise UnknownValueError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def is_unknown(error: Exception) -> bool:
    """Tell whether an error says that a value is not known yet."""
    # The engine's class of this name is one that pulumi-policy does not export.
    return type(error).__name__ == "UnknownValueError"


def any_of(items: Iterable[T], holds: Callable[[T], bool]) -> bool:
    """Tell whether something holds for any item; it is not known yet when it may hold for one that is not.

    Raises UnknownValueError then.
    """
    unknown: Exception | None = None
    for item in items:
        try:
            if holds(item):
                return True
        except Exception as error:
            if not is_unknown(error):
                raise
            unknown = error
    if unknown is not None:
        raise unknown
    return False


def is_given(props: Properties, name: str) -> bool:
    """Tell whether a property has a value, known or not."""
    try:
        return props.get(name) not in (None, "")
    except Exception as error:
        if not is_unknown(error):
            raise
        return True


def get_path(value: Any, *path: str | int) -> Any:
    """Follow keys and indices down; None where the way ends."""
    for step in path:
        if isinstance(step, int) and is_list(value) and len(value) > step:
            value = value[step]
        elif isinstance(value, Mapping):
            value = value.get(step)
        else:
            return None
    return value


def as_list(value: Any) -> list[Any]:
    """Return a value as a list, as policy documents allow both."""
    if value is None:
        return []
    return list(value) if is_list(value) else [value]


def mappings(value: Any) -> Iterator[Properties]:
    """Yield what is a mapping, of one or of a list."""
    return (item for item in as_list(value) if isinstance(item, Mapping))


def strings(value: Any) -> list[str]:
    """Return what is text, of one or of a list."""
    return [item for item in as_list(value) if isinstance(item, str)]


def is_true(value: Any) -> bool:
    """Tell whether a value says yes, as text or not."""
    return str(value).lower() == "true"


def is_list(value: Any) -> bool:
    """Tell whether a value is a list, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def values_named(value: Any, name: str) -> Iterator[Any]:
    """Yield every value of a name, at any depth."""
    if isinstance(value, Mapping):
        for key in value:
            if key == name:
                yield value[key]
            yield from values_named(value[key], name)
    elif is_list(value):
        for item in value:
            yield from values_named(item, name)
