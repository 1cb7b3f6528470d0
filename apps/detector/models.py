"""What a model of a signal is to the detector. All of them are known here, by name."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, Self


class Point(NamedTuple):
    """One value of a signal. Where it sums up many samples, `low` and `high` are the least and the greatest of them."""

    time: float
    """Seconds since 1970."""
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, time: float, value: float) -> "Point":
        """Return the point of a single sample."""
        return cls(time, value, value, value)


class Verdict(NamedTuple):
    """What a model says about a point, before the point has taught it anything."""

    score: float
    """How surprising it is; 0 says nothing. An alarm is a score at or above the model's `alarm`."""
    expected: float
    observed: float
    familiar: bool
    """Whether points like it are ordinary: an alert is over after some of them."""


class Model(Protocol):
    """Learns one signal point by point, and says how surprising each is.

    Causal: a verdict depends on this point and the earlier ones alone. Deterministic: a model made from its own
    `memory` goes on exactly as if it had never been away. Bounded: the memory has a largest size.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    """Changes when an older memory cannot be gone on with."""
    alarm: ClassVar[float]

    def update(self, point: Point) -> Verdict:
        """Judge the next point and learn from it."""

    def memory(self) -> dict[str, Any]:
        """Return all that the model knows, as JSON."""

    @classmethod
    def recall(cls, memory: Mapping[str, Any]) -> Self:
        """Return the model that had this memory."""
