"""What a rule means: a page of Python over everything that one series measured, slow and plain.

The service `apps.rules` does the same a reading at a time and with little memory; a test holds the two against each
other. A dry run asks this page. Times are microseconds since 1970, so that sums are exact.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from apps.domain.maintenance import Maintenance, maintenance_end
from apps.domain.rules import Above, Below, Condition, Direction, Outside, Rate, RuleSpec, Silence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

KEPT_PER_WINDOW = 16
"""Readings that a rate remembers of its window: the first, then each that is a sixteenth of the window later."""

USUAL_PAUSES = 20
"""Pauses between arrivals that must be known before a learnt silence is judged."""

USUAL_DECAY = 0.98
"""What remains of the longest usual pause with each pause that is shorter."""

MIN_LEARNT = 10_000_000
"""No learnt silence is shorter."""


class Firing(NamedTuple):
    """A stretch in which a rule fires: since when it was so, when and at which value it opened, when it was over."""

    since: int
    opened: int
    value: float
    resolved: int | None


def firings(rule: RuleSpec, readings: Iterable[tuple[int, float]]) -> list[Firing]:
    """Return when a rule fires over (time, value) in the order of time, each time once."""
    found: list[Firing] = []
    since: int | None = None
    for time, value in measure(rule.condition, readings):
        if found and found[-1].resolved is None:
            if is_over(rule.condition, value):
                found[-1] = found[-1]._replace(resolved=time)
            continue
        if not holds(rule.condition, value) or in_maintenance(rule.maintenance, time):
            since = None
            continue
        since = time if since is None else since
        cooled = not found or time - (found[-1].resolved or 0) >= micros(rule.cool_down_seconds)
        if cooled and time - since >= micros(rule.for_seconds):
            found.append(Firing(since, time, value, None))
            since = None
    return found


def silences(rule: RuleSpec, arrivals: Sequence[int], until: int, checks: Sequence[int] | None = None) -> list[Firing]:
    """Return when a rule about silence fires up to a time.

    Somebody checks at the times `checks`, in their order, and knows all that arrived before; None: all the time.
    What is heard of again before anybody checked was not silent. `value` is the silence's length in seconds as it was
    noticed.
    """
    found: list[Firing] = []
    usual = Usual()
    resolved: int | None = None
    for number, arrival in enumerate(arrivals):
        later = arrivals[number + 1] if number + 1 < len(arrivals) else None
        due = silence_due(rule, arrival, usual, resolved)
        check = due if due is None or checks is None else next((check for check in checks if check >= due), None)
        if check is not None and check <= until and (later is None or check < later):
            found.append(Firing(arrival, check, (check - arrival) / 1e6, later))
            resolved = later
        if later is not None:
            usual = usual.after(later - arrival)
    return found


def measure(condition: Condition, readings: Iterable[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Yield what a condition judges: the values themselves, or how fast they change."""
    if not isinstance(condition, Rate):
        yield from readings
        return
    times: list[int] = []
    values: list[float] = []
    window = micros(condition.over_seconds)
    for time, value in readings:
        before = bisect_right(times, time - window)
        if before:
            seconds = (time - times[before - 1]) / 1e6
            yield time, (value - values[before - 1]) / seconds * condition.per_seconds
        if not times or time - times[-1] >= window // KEPT_PER_WINDOW:
            times.append(time)
            values.append(value)


def holds(condition: Condition, value: float) -> bool:
    """Return whether a value is what the rule is about."""
    match condition:
        case Above():
            return value > condition.threshold
        case Below():
            return value < condition.threshold
        case Outside():
            return not condition.low <= value <= condition.high
        case Rate():
            return _signed(condition, value) > condition.threshold
        case Silence():
            return False


def is_over(condition: Condition, value: float) -> bool:
    """Return whether a value ends what the rule is about."""
    match condition:
        case Above():
            return value <= (condition.threshold if condition.clear is None else condition.clear)
        case Below():
            return value >= (condition.threshold if condition.clear is None else condition.clear)
        case Outside():
            low = condition.low if condition.clear_low is None else condition.clear_low
            high = condition.high if condition.clear_high is None else condition.clear_high
            return low <= value <= high
        case Rate():
            return _signed(condition, value) <= (condition.threshold if condition.clear is None else condition.clear)
        case Silence():
            return True


class Usual(NamedTuple):
    """The longest usual pause between arrivals, and how many pauses are known."""

    longest: int = 0
    pauses: int = 0

    def after(self, pause: int) -> "Usual":
        """Return what is usual after one more pause. One that was judged too long teaches no more than its limit."""
        if pause <= 0:
            return self
        bounded = pause if self.limit is None else min(pause, self.limit)
        return Usual(max(bounded, int(self.longest * USUAL_DECAY)), min(self.pauses + 1, USUAL_PAUSES))

    @property
    def limit(self) -> int | None:
        """The pause that is a silence, where enough is known to say."""
        return max(2 * self.longest, MIN_LEARNT) if self.pauses >= USUAL_PAUSES else None


def silence_due(rule: RuleSpec, arrival: int, usual: Usual, resolved: int | None) -> int | None:
    """Return when something that was last heard of at a time is silent; None where that is not learnt yet.

    Where it would be so in a maintenance window, its time begins again with the window's end.
    """
    limit = silence_limit(rule, usual)
    if limit is None:
        return None
    due = arrival + limit
    if resolved is not None:
        due = max(due, resolved + micros(rule.cool_down_seconds))
    end = maintenance_end(rule.maintenance, moment(due)) if rule.maintenance else None
    return due if end is None else (end - EPOCH) // MICROSECOND + limit


def silence_limit(rule: RuleSpec, usual: Usual) -> int | None:
    """Return how long a pause must be to be a silence, with the rule's own duration; None: not learnt yet."""
    if not isinstance(rule.condition, Silence):
        return None
    given = rule.condition.interval_seconds
    limit = usual.limit if given is None else micros(given)
    return None if limit is None else limit + micros(rule.for_seconds)


def in_maintenance(windows: tuple[Maintenance, ...], time: int) -> bool:
    """Return whether a time lies in one of the windows."""
    return bool(windows) and maintenance_end(windows, moment(time)) is not None


def micros(seconds: float) -> int:
    """Return seconds as microseconds."""
    return round(seconds * 1e6)


def moment(time: int) -> datetime:
    """Return microseconds since 1970 as a time."""
    return EPOCH + timedelta(microseconds=time)


def _signed(condition: Rate, rate: float) -> float:
    match condition.direction:
        case Direction.UP:
            return rate
        case Direction.DOWN:
            return -rate
        case Direction.BOTH:
            return abs(rate)
