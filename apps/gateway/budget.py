"""A bound on the bytes that are held at a time, so that a crowd of devices costs answers and not the process."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from apps.gateway.errors import OverloadedError


class ByteBudget:
    """At most `capacity` bytes, shown by `gauge`."""

    def __init__(self, capacity: int, gauge: Gauge) -> None:
        self._capacity = capacity
        self._gauge = gauge
        self._reserved = 0

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserve `size` bytes for a while. Raises OverloadedError at once when they do not fit."""
        if self._reserved + size > self._capacity:
            raise OverloadedError("the gateway is overloaded")
        self._change(size)
        try:
            yield
        finally:
            self._change(-size)

    def _change(self, size: int) -> None:
        self._reserved += size
        self._gauge.set(self._reserved)
