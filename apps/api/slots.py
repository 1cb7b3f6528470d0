"""How many of something may go on at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.platform.errors import ProblemError


class Slots:
    """Places for `count` of something that is called `name`, in the plural."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = self._free = count

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place until the block ends. Raises ProblemError 429 when none is free."""
        if not self._free:
            text = f"there are no more than {self._count} {self._name} at a time: try again later"
            raise ProblemError(429, text, headers={"Retry-After": "10"})
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
