"""When a limit will probably be crossed: the rules of a series against what is expected of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import msgspec

from apps.domain.alerts import Severity
from apps.domain.rules import Above, Below, Outside, RuleSpec


class Side(StrEnum):
    """On which side of a limit something is wrong."""

    ABOVE = "above"
    BELOW = "below"


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that a series will probably cross, which it is within now."""

    at: datetime
    """About when: where a line between the expected means of two hours meets the limit."""
    side: Side
    threshold: float
    rule_id: str
    name: str
    severity: Severity


class Point(NamedTuple):
    """What is expected at a moment, in the metric's own unit."""

    at: datetime
    value: float


class _Limit(NamedTuple):
    side: Side
    threshold: float

    def beyond(self, value: float) -> float:
        """Return by how much a value is beyond the limit: more than 0 where it is, as rules judge readings."""
        return value - self.threshold if self.side is Side.ABOVE else self.threshold - value


_ORDER = tuple(Severity)


def first_crossing(
    course: Sequence[Point], rules: Iterable[RuleSpec], device_id: str, metric: str, now: datetime
) -> Crossing | None:
    """Return the first limit that the course crosses from now on, the worst of those at the same moment.

    `rules`: those about the device. The course is a line from point to point. What is beyond a limit now crosses it
    only after it came back: until then there is an alert, or there will be one with the next reading.
    """
    ahead = _from(course, now)
    found = [
        Crossing(
            at=at,
            side=limit.side,
            threshold=limit.threshold,
            rule_id=rule.rule_id,
            name=rule.name,
            severity=rule.severity,
        )
        for rule in (rule.for_device(device_id) for rule in rules)
        if rule.enabled and rule.scope.covers_metric(metric)
        for limit in _limits(rule)
        if (at := _crossed(ahead, limit)) is not None
    ]
    return min(found, key=lambda crossing: (crossing.at, -_ORDER.index(crossing.severity)), default=None)


def _limits(rule: RuleSpec) -> Iterator[_Limit]:
    match rule.condition:
        case Above(threshold=threshold):
            yield _Limit(Side.ABOVE, threshold)
        case Below(threshold=threshold):
            yield _Limit(Side.BELOW, threshold)
        case Outside(low=low, high=high):
            yield _Limit(Side.BELOW, low)
            yield _Limit(Side.ABOVE, high)


def _from(course: Sequence[Point], now: datetime) -> list[Point]:
    """Return the course from now on, beginning at this moment where it had begun before."""
    ahead = [point for point in course if point.at >= now]
    before = [point for point in course if point.at < now]
    if before and ahead:
        left, right = before[-1], ahead[0]
        part = (now - left.at) / (right.at - left.at)
        ahead.insert(0, Point(now, left.value + part * (right.value - left.value)))
    return ahead


def _crossed(course: Sequence[Point], limit: _Limit) -> datetime | None:
    for left, right in pairwise(course):
        within, beyond = limit.beyond(left.value), limit.beyond(right.value)
        if within <= 0 < beyond:
            return left.at + (right.at - left.at) * (within / (within - beyond))
    return None
