"""What rules mean, by examples that one can check by hand. Times are seconds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.domain.rule_document import parse_rule
from apps.domain.rule_reference import Usual, firings, micros, moment, silences
from apps.domain.rules import RuleSpec

ABOVE = {"type": "above", "threshold": 80}


def rule(condition: dict[str, Any], **more: Any) -> RuleSpec:
    metrics = {} if condition["type"] == "silence" else {"scope": {"metrics": ["temperature"]}}
    return parse_rule({"rule_id": "r", "name": "R", "condition": condition} | metrics | more)


def fired(of: RuleSpec, *readings: tuple[float, float]) -> list[tuple[float, float, float | None]]:
    """Return since when, when opened and when over, in seconds."""
    found = firings(of, [(micros(time), value) for time, value in readings])
    return [(f.since / 1e6, f.opened / 1e6, None if f.resolved is None else f.resolved / 1e6) for f in found]


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        (ABOVE, (80, 81, 81, 80), [(1, 1, 3)]),
        (ABOVE | {"clear": 75}, (81, 79, 76, 75, 79), [(0, 0, 3)]),
        ({"type": "below", "threshold": 5, "clear": 6}, (5, 4, 5, 6), [(1, 1, 3)]),
        ({"type": "outside", "low": 2, "high": 8}, (2, 8, 9, 8, 1), [(2, 2, 3), (4, 4, None)]),
        ({"type": "outside", "low": 2, "high": 8, "clear_low": 3, "clear_high": 7}, (9, 8, 7), [(0, 0, 2)]),
    ],
)
def test_a_limit_is_passed_and_kept_again(
    condition: dict[str, Any], values: tuple[float, ...], expected: list[tuple[float, float, float | None]]
) -> None:
    assert fired(rule(condition), *enumerate(values)) == expected


def test_what_must_last_has_lasted_from_its_first_reading_on() -> None:
    lasting = rule(ABOVE, for_seconds=60)
    assert fired(lasting, (0, 81), (59, 81)) == []
    assert fired(lasting, (0, 81), (59, 81), (60, 81)) == [(0, 60, None)]
    assert fired(lasting, (0, 81), (59, 79), (60, 81), (119, 81), (125, 90)) == [(60, 125, None)]


def test_after_its_end_nothing_opens_while_it_cools_down() -> None:
    cooled = rule(ABOVE, cool_down_seconds=100)
    readings = ((0, 81), (10, 79), (20, 81), (109, 81), (110, 81), (120, 79))
    assert fired(cooled, *readings) == [(0, 0, 10), (20, 110, 120)]


@pytest.mark.parametrize(
    ("direction", "values", "expected"),
    [
        ("up", (0, 0, 5, 30, 40, 40, 40), [(3, 3, 5)]),
        ("down", (40, 40, 30, 5, 0, 0, 0), [(3, 3, 5)]),
        ("both", (0, 0, 5, 30, 40, 40, 40), [(3, 3, 5)]),
        ("down", (0, 0, 5, 30, 40, 40, 40), []),
    ],
)
def test_a_rate_is_measured_over_its_window(
    direction: str, values: tuple[float, ...], expected: list[tuple[float, float, float | None]]
) -> None:
    # Over two seconds: 2.5, 15, 17.5, 5, 0 a second upwards.
    rate = {"type": "rate", "threshold": 10, "per_seconds": 1, "over_seconds": 2, "direction": direction}
    assert fired(rule(rate), *enumerate(values)) == expected


def test_in_a_maintenance_window_nothing_opens_or_counts_and_what_is_over_is_over() -> None:
    window = {"type": "once", "since": moment(micros(100)).isoformat(), "until": moment(micros(200)).isoformat()}
    maintained = rule(ABOVE, maintenance=[window], for_seconds=50)
    assert fired(maintained, (90, 81), (100, 81), (199, 81), (200, 81), (249, 81), (250, 81)) == [(200, 250, None)]
    assert fired(maintained, (0, 81), (50, 81), (150, 70)) == [(0, 50, 150)]


def test_a_night_window_is_that_of_the_place_also_when_its_clock_changes() -> None:
    night = {"type": "weekly", "days": ["sat"], "start": "23:00", "end": "04:00", "time_zone": "Europe/Amsterdam"}
    maintained = rule(ABOVE, maintenance=[night])
    # 2026-10-25 is a Sunday; at 03:00 the clock goes back to 02:00, so the window lasts from 21:00 to 03:00 in UTC.
    inside = [datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 2, 59, tzinfo=UTC)]
    outside = [datetime(2026, 10, 24, 20, 59, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC)]
    assert [bool(fired(maintained, (at.timestamp(), 81))) for at in inside + outside] == [False, False, True, True]


def quiet(of: RuleSpec, arrivals: list[float], until: float, scans: list[float] | None = None) -> list[tuple[Any, ...]]:
    seen = None if scans is None else [micros(scan) for scan in scans]
    found = silences(of, [micros(at) for at in arrivals], micros(until), seen)
    return [(f.since / 1e6, f.opened / 1e6, None if f.resolved is None else f.resolved / 1e6) for f in found]


def test_silence_begins_when_its_interval_has_passed_and_ends_with_whatever_arrives() -> None:
    silent = rule({"type": "silence", "interval_seconds": 60})
    assert quiet(silent, [0, 59, 119], 178) == []
    assert quiet(silent, [0, 61, 90], 151) == [(0, 60, 61), (90, 150, None)]
    assert quiet(silent, [0, 70], 100, scans=[50, 69, 100]) == [(0, 69, 70)]
    assert quiet(silent, [0, 70], 100, scans=[50, 70, 100]) == []


def test_a_learnt_interval_follows_what_is_usual() -> None:
    learnt = rule({"type": "silence"})
    regular = [30.0 * n for n in range(22)]
    assert quiet(learnt, regular[:20], 1e6) == []
    assert quiet(learnt, regular, 689) == []
    assert quiet(learnt, regular, 1e6) == [(630, 690, None)]


def test_one_long_silence_teaches_little() -> None:
    usual = Usual()
    for _ in range(30):
        usual = usual.after(micros(30))
    assert usual.limit == micros(60)
    assert usual.after(micros(86_400)).limit == micros(120)


def test_silence_in_a_maintenance_window_is_counted_from_its_end() -> None:
    window = {"type": "once", "since": moment(micros(100)).isoformat(), "until": moment(micros(200)).isoformat()}
    silent = rule({"type": "silence", "interval_seconds": 60}, maintenance=[window])
    assert quiet(silent, [50], 1000) == [(50, 260, None)]
