"""A bound on the bytes that are held at a time, so that a crowd of devices costs answers and not the process."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge


class NoRoomError(Exception):
    """So much is under way already that more could not be held."""


class Room:
    """At most `capacity` bytes, shown by `gauge`."""

    def __init__(self, capacity: int, gauge: Gauge) -> None:
        self._capacity = capacity
        self._gauge = gauge
        self._held = 0

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold `size` bytes for a while. Raises NoRoomError at once when they do not fit."""
        if self._held + size > self._capacity:
            raise NoRoomError
        self._change(size)
        try:
            yield
        finally:
            self._change(-size)

    def _change(self, size: int) -> None:
        self._held += size
        self._gauge.set(self._held)
