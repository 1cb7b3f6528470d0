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
    def reservation(self) -> Iterator["Reservation"]:
        """Hold bytes for a while, as many as the reservation grows by."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            reservation.shrink(reservation.size)

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Reserve `size` bytes for a while. Raises OverloadedError at once when they do not fit."""
        with self.reservation() as reservation:
            reservation.grow(size)
            yield

    def change(self, size: int) -> None:
        """Take in that so many bytes more are held. Raises OverloadedError when they do not fit."""
        if size > 0 and self._reserved + size > self._capacity:
            raise OverloadedError("the gateway is overloaded")
        self._reserved += size
        self._gauge.set(self._reserved)


class Reservation:
    """The bytes that one upload holds of a budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def grow(self, size: int) -> None:
        """Hold so many bytes more. Raises OverloadedError when they do not fit."""
        self._budget.change(size)
        self.size += size

    def shrink(self, size: int) -> None:
        """Hold so many bytes less."""
        self._budget.change(-size)
        self.size -= size
