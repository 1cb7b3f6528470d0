"""When a limit will probably be crossed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.alerts import Severity
from apps.domain.crossings import Point, Side, first_crossing
from apps.domain.rules import Above, Below, Condition, Outside, Override, Rate, RuleSpec, Scope

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rule(condition: Condition, **more: object) -> RuleSpec:
    given = {"rule_id": "hot", "name": "Boiler too hot", "scope": Scope(metrics=("temperature",))} | more
    return RuleSpec(condition=condition, **given)  # type: ignore[arg-type]


def course(*values: float, first: datetime = NOW) -> list[Point]:
    return [Point(first + hour * HOUR, value) for hour, value in enumerate(values)]


def crossed(points: list[Point], *rules: RuleSpec, metric: str = "temperature") -> tuple[str, float] | None:
    """What is crossed first, and after how many hours."""
    found = first_crossing(points, rules, "boiler", metric, NOW)
    return (f"{found.side} {found.threshold:g}", round((found.at - NOW) / HOUR, 6)) if found else None


ABOVE = rule(Above(threshold=28))


def test_the_moment_lies_between_two_hours() -> None:
    assert crossed(course(20, 26, 30, 20), ABOVE) == ("above 28", 1.5)
    assert crossed(course(20, 16, 12), rule(Below(threshold=15))) == ("below 15", 1.25)


@pytest.mark.parametrize("condition", [Outside(low=10, high=30), Above(threshold=30)])
def test_what_only_touches_a_limit_crosses_none(condition: Condition) -> None:
    assert crossed(course(20, 30, 20), rule(condition)) is None


def test_both_ends_of_a_range_count_and_the_first_is_told() -> None:
    assert crossed(course(20, 5, 35), rule(Outside(low=10, high=30))) == ("below 10", 0.666667)


def test_what_is_beyond_already_warns_when_it_has_come_back() -> None:
    assert crossed(course(30, 31, 32), ABOVE) is None
    assert crossed(course(30, 26, 30), ABOVE) == ("above 28", 1.5)


def test_the_past_of_a_course_is_not_told_again() -> None:
    assert crossed(course(20, 36, 20, 36, first=NOW - 1.5 * HOUR), ABOVE) == ("above 28", 1)
    assert crossed(course(20, 30, first=NOW - 5 * HOUR), ABOVE) is None
    # It is at 25 now, between two hours.
    assert crossed(course(20, 30, first=NOW - HOUR / 2), ABOVE) == ("above 28", 0.3)


def test_rules_that_do_not_apply_say_nothing() -> None:
    rising = course(20, 40)
    assert crossed(rising, rule(Above(threshold=28), enabled=False)) is None
    assert crossed(rising, ABOVE, metric="humidity") is None
    assert crossed(rising, rule(Rate(threshold=1))) is None
    off = rule(Above(threshold=28), overrides=(Override(device_id="boiler", enabled=False),))
    assert crossed(rising, off) is None


def test_what_is_different_for_a_device_holds() -> None:
    own = rule(Above(threshold=28), overrides=(Override(device_id="boiler", condition=Above(threshold=30)),))
    assert crossed(course(20, 40), own) == ("above 30", 0.5)


def test_of_two_at_the_same_moment_the_worse_is_told() -> None:
    rules = [rule(Above(threshold=28), rule_id=f"r-{severity}", severity=severity) for severity in Severity]
    found = first_crossing(course(20, 40), rules, "boiler", "temperature", NOW)
    assert found is not None
    assert (found.severity, found.rule_id) == (Severity.CRITICAL, "r-critical")


values = st.floats(-50, 50).map(lambda value: round(value, 2))


@given(st.lists(values, min_size=2, max_size=30), values, st.booleans(), st.floats(-3, 30))
def test_before_a_crossing_the_course_is_within_and_after_it_beyond(
    expected: list[float], threshold: float, is_above: bool, begun: float
) -> None:
    points = course(*expected, first=NOW - begun * HOUR)
    limit = rule(Above(threshold=threshold) if is_above else Below(threshold=threshold))

    def beyond(value: float) -> float:
        return value - threshold if is_above else threshold - value

    def at(moment: datetime) -> float:
        for before, after in pairwise(points):
            if before.at <= moment <= after.at:
                return before.value + (after.value - before.value) * ((moment - before.at) / (after.at - before.at))
        raise AssertionError(moment)

    found = first_crossing(points, [limit], "boiler", "temperature", NOW)
    later = [point for point in points if point.at >= NOW]
    known = [at(NOW)] if points[0].at <= NOW <= points[-1].at else []
    levels = [beyond(value) for value in (*known, *(point.value for point in later))]
    rises = any(before <= 0 < after for before, after in pairwise(levels))
    if found is None:
        assert not rises
        return
    assert rises
    assert NOW <= found.at <= points[-1].at
    assert found.side is (Side.ABOVE if is_above else Side.BELOW)
    assert at(found.at) == pytest.approx(threshold, abs=1e-3)
    following = next(point for point in points if point.at > found.at)
    assert beyond(following.value) > 0
    first = levels.index(next(after for before, after in pairwise(levels) if before <= 0 < after), 1)
    assert all(not (before <= 0 < after) for before, after in pairwise(levels[:first]))
