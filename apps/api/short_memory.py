"""What was found out a moment ago, so that not every request asks the database again."""

import time
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MAX_ENTRIES = 10_000


class _Entry(NamedTuple, Generic[V]):
    value: V
    until: float


class ShortMemory(Generic[K, V]):
    """Values that are forgotten after some seconds, or before when there are too many."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: dict[K, _Entry[V]] = {}

    def recall(self, name: K) -> V | None:
        """Return what is remembered under a name."""
        entry = self._entries.get(name)
        return entry.value if entry is not None and time.monotonic() < entry.until else None

    def keep(self, name: K, value: V) -> None:
        """Remember a value."""
        if len(self._entries) >= MAX_ENTRIES:
            self._entries.clear()
        self._entries[name] = _Entry(value, time.monotonic() + self._seconds)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
