"""Pieces of SQL, and whose devices a caller sees."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import sqlalchemy as sa

from apps.storage.tables import devices

Labels: TypeAlias = frozenset[str] | None
"""Somebody sees the devices with one of these labels alone, and all that is of them; None: everything."""


class QueryParams(list[Any]):
    """The values of a query, in the order of their placeholders."""

    def bind(self, value: Any) -> str:
        """Take in a value and return its placeholder."""
        self.append(value)
        return f"${len(self)}"


def seen_with(values: QueryParams, labels: Labels, column: str) -> list[str]:
    """Return the condition that a row is of a device that is seen."""
    if labels is None:
        return []
    seen = f"SELECT device_id FROM devices WHERE labels && {values.bind(sorted(labels))}::text[]"  # noqa: S608
    return [f"{column} IN ({seen})"]


def is_seen(labels: Labels, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the same for a query of SQLAlchemy."""
    if labels is None:
        return sa.true()
    seen = sa.select(devices.c.device_id).where(devices.c.labels.overlap(sorted(labels))).correlate(None)
    return column.in_(seen)


def all_of(conditions: Iterable[str]) -> str:
    """Return the condition that all hold."""
    return " AND ".join(conditions) or "TRUE"
