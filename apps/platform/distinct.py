"""Lists in which nothing stands twice. Pure."""

from collections.abc import Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator

T = TypeVar("T", bound=Hashable)


def normalized(entry: Hashable) -> Hashable:
    """Return what AWS tells two entries apart by: names without their case, networks by their addresses."""
    return entry.casefold() if isinstance(entry, str) else entry


def distinct(entries: tuple[T, ...]) -> tuple[T, ...]:
    """Return entries of which each becomes a resource of its own. Raises ValueError for one that stands twice."""
    seen: set[Hashable] = set()
    for entry in entries:
        if normalized(entry) in seen:
            raise ValueError(f"{entry} stands here twice")
        seen.add(normalized(entry))
    return entries


Distinct = Annotated[tuple[T, ...], AfterValidator(distinct)]
"""A list of which each entry becomes something of its own: the type of every list in a stack's configuration."""
