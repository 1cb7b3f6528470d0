"""Pieces of SQL as text."""

from collections.abc import Iterable
from typing import Any


class QueryParams(list[Any]):
    """The values of a query, in the order of their placeholders."""

    def bind(self, value: Any) -> str:
        """Take in a value and return its placeholder."""
        self.append(value)
        return f"${len(self)}"


def all_of(conditions: Iterable[str]) -> str:
    """Return the condition that all hold."""
    return " AND ".join(conditions) or "TRUE"
