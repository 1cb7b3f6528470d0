"""What a model of a signal is to the detector."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, Self


class Point(NamedTuple):
    """One value of a signal. Where it sums up many samples, `low` and `high` are their minimum and maximum."""

    time: float
    """Seconds since 1970."""
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, time: float, value: float) -> "Point":
        """Return the point of a single sample."""
        return cls(time, value, value, value)


class Score(NamedTuple):
    """How surprising a model finds a point, before it has learnt from it."""

    value: float
    """0 says nothing. At or above the model's `threshold` the point is a detection."""
    expected: float
    observed: float
    is_normal: bool
    """Whether points like it are usual: an alert is over after some of them."""


class Model(Protocol):
    """Learns one signal point by point, and says how surprising each is.

    Causal: a score depends on this point and the earlier ones alone. Deterministic: a model made from its own
    state goes on exactly as if it had never been away. Bounded: the state has a largest size.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    """Changes when an older state cannot be gone on with."""
    threshold: ClassVar[float]

    def update(self, point: Point) -> Score:
        """Score the next point, then learn from it."""

    def learning_until(self, now: float) -> float | None:
        """Return when it will probably have seen enough to find what is rare, None once it has. `now`: the last point's
        time."""

    def usual(self, now: float) -> tuple[float, float] | None:
        """Return between which values hardly anything surprises it, None where it cannot tell, or not yet. `now`: the
        last point's time."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that the model knows, as JSON."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the model that had this state."""
