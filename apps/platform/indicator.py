"""What must be true of the pods of a new version before it replaces the one that runs. Plain data."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from apps.platform.promql import Expression, Matches, Window

OfPods: TypeAlias = Callable[[Window, Matches], Expression]
"""What is measured over a window, of the pods whose names match: one number, none, or one that is not a number."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A number of a version's pods alone, and where it must stay. Nothing measured is nothing wrong."""

    name: str
    """The objective's name, in the words of labels: `api-latency`."""
    title: str
    """One line for the person whose deployment failed."""
    measured: OfPods
    at_most: Fraction
