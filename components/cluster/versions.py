"""How long AWS supports each version of Kubernetes, and at which price. Pure.

Source: AWS, "Amazon EKS Kubernetes release calendar"
(docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html), read 2026-11-25.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Support:
    """The last days of a version: of standard support, and of extended support, which costs six times as much."""

    standard_ends: date
    extended_ends: date


SUPPORT: Mapping[str, Support] = MappingProxyType(
    {
        "1.32": Support(date(2026, 3, 23), date(2027, 3, 23)),
        "1.33": Support(date(2026, 7, 29), date(2027, 7, 29)),
        "1.34": Support(date(2026, 12, 2), date(2027, 12, 2)),
        "1.35": Support(date(2027, 3, 27), date(2028, 3, 27)),
    }
)
"""Version of Kubernetes -> until when AWS supports it."""


def known_version(version: str) -> str:
    """Return a version whose end of support is known. Raises ValueError."""
    if version not in SUPPORT:
        raise ValueError(
            f"is no version whose support is known (components/cluster/versions.py); known: {', '.join(SUPPORT)}"
        )
    return version


def days_of_standard_support(version: str, today: date) -> int:
    """Return how many days of standard support a version has left; less than 0: it is over."""
    return (SUPPORT[version].standard_ends - today).days
