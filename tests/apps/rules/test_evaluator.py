"""The evaluator, which remembers little, against the reference, which knows everything."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.domain.rule_reference import Firing, firings, silences
from apps.domain.rules import Rule, RuleSpec
from apps.rules.evaluator import Change, Evaluator
from apps.rules.hearing import Horizon
from apps.rules.memory import Subject, dump, load
from apps.storage.reading_log import LoggedReading
from tests.apps.rules.support import rule

START = 1_790_000_000_000_000
SECOND = 1_000_000
WINDOW = {
    "type": "once",
    "since": (datetime.fromtimestamp(START / 1e6, UTC) + timedelta(seconds=100)).isoformat(),
    "until": (datetime.fromtimestamp(START / 1e6, UTC) + timedelta(seconds=200)).isoformat(),
}
SECONDS = st.sampled_from([0, 0, 10, 45, 120])
LIMITS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "above", "threshold": 5, "clear": 3},
        {"type": "below", "threshold": 5},
        {"type": "outside", "low": 3, "high": 7, "clear_low": 4, "clear_high": 6},
        {"type": "rate", "threshold": 2, "per_seconds": 10, "over_seconds": 20, "direction": "up"},
        {"type": "rate", "threshold": 2, "per_seconds": 10, "over_seconds": 160, "clear": 1},
    ]
)
TIMINGS = st.fixed_dictionaries(
    {"for_seconds": SECONDS, "cool_down_seconds": SECONDS, "maintenance": st.sampled_from([[], [WINDOW]])}
)
VALUES = st.lists(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 10)), max_size=6, unique_by=lambda pair: pair[0]),
    max_size=25,
)


class Fixed:
    """One rule about everything."""

    def __init__(self, spec: RuleSpec) -> None:
        fields = {name: getattr(spec, name) for name in RuleSpec.__struct_fields__}
        self.rule = Rule(**fields, version=1, updated_at=datetime(2026, 1, 1, tzinfo=UTC), updated_by="test")

    def of(self, subject: Subject) -> tuple[Rule, ...]:
        return (self.rule,) if subject[1] else ()


def reading(second: int, value: float, received: int = 0) -> LoggedReading:
    return LoggedReading("d", "m", START + second * SECOND, value, START + received * SECOND)


def stretches(changes: list[Change]) -> list[Firing]:
    found: list[Firing] = []
    for change in changes:
        if change.is_open:
            found.append(Firing(change.since, change.at, change.value or 0.0, None))
        else:
            found[-1] = found[-1]._replace(resolved=change.at)
    return found


@given(LIMITS, TIMINGS, VALUES)
@settings(max_examples=400, deadline=None)
def test_limits_and_rates_fire_as_the_reference_says_whatever_comes_late_or_twice_and_over_restarts(
    condition: dict[str, Any], timing: dict[str, Any], commits: list[list[tuple[int, int]]]
) -> None:
    spec = rule(condition=condition, **timing)
    rules, evaluator = Fixed(spec), Evaluator({})
    changes: list[Change] = []
    accepted: list[tuple[int, float]] = []
    for pairs in commits:
        new = [reading(second, value) for second, value in sorted(pairs)]
        accepted += [(stored.ts, stored.value) for stored in new if not accepted or stored.ts > accepted[-1][0]]
        evaluator = Evaluator(load(dump(evaluator.memories)))
        changes += evaluator.judge(new, rules)
    assert stretches(changes) == firings(spec, accepted)


@given(
    st.sampled_from([30, 100, None]),
    TIMINGS,
    st.lists(st.integers(1, 60), max_size=60),
    st.lists(st.integers(1, 50), max_size=40),
)
@settings(max_examples=400, deadline=None)
def test_silence_is_noticed_as_the_reference_says(
    interval: int | None, timing: dict[str, Any], pauses: list[int], waits: list[int]
) -> None:
    spec = rule(condition={"type": "silence", "of": "metric", "interval_seconds": interval}, **timing)
    arrivals = [sum(pauses[: n + 1]) for n in range(len(pauses))]
    scans = [sum(waits[: n + 1]) for n in range(len(waits))]
    rules, evaluator = Fixed(spec), Evaluator({})
    changes: list[Change] = []
    left = list(arrivals)
    for elapsed in scans:
        while left and left[0] <= elapsed:
            changes += evaluator.judge([reading(left[0], 1, left.pop(0))], rules)
        changes += evaluator.silences(Horizon(START + elapsed * SECOND, START + elapsed * SECOND, 0), rules)
    seen = [START + second * SECOND for second in arrivals if second <= (scans[-1] if scans else 0)]
    until = START + (scans[-1] if scans else 0) * SECOND
    assert stretches(changes) == silences(spec, seen, until, [START + elapsed * SECOND for elapsed in scans])
