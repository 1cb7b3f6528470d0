"""Judges readings one at a time, with little memory, just as `apps.domain.rule_reference` says over all of them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from apps.domain.rule_reference import (
    KEPT_PER_WINDOW,
    holds,
    in_maintenance,
    is_over,
    micros,
    silence_due,
)
from apps.domain.rules import Rate, Rule, Silence
from apps.rules.hearing import Horizon
from apps.rules.memory import Memory, Progress, Subject
from apps.storage.reading_log import LoggedReading


class Change(NamedTuple):
    """An alert that opens or is over. `rule` is None where the rule is no longer about the subject."""

    subject: Subject
    rule_id: str
    rule: Rule | None
    is_open: bool
    since: int
    at: int
    value: float | None
    received: int


class RulesOf(Protocol):
    """Which rules are about which subject, each as it is for that device."""

    def of(self, subject: Subject) -> tuple[Rule, ...]:
        """Return the enabled rules about a subject."""


class Evaluator:
    """What is known of some devices, and what their rules make of it."""

    def __init__(self, memories: dict[Subject, Memory]) -> None:
        self.memories = memories
        self.history = 0
        self.held_back = 0

    def seed(self, latest: Iterable[LoggedReading]) -> None:
        """Take in the newest readings of series of which nothing is known, without judging them."""
        for reading in latest:
            for subject in ((reading.device_id, reading.metric), (reading.device_id, "")):
                memory = self.memories.setdefault(subject, Memory(rate_points={}, progress={}))
                memory.ts = max(memory.ts, reading.ts)
                memory.received_at = max(memory.received_at, reading.received_at)

    def judge(self, readings: Iterable[LoggedReading], rules: RulesOf) -> Iterator[Change]:
        """Judge the readings of one commit, which are in the order of time."""
        for reading in readings:
            subject = (reading.device_id, reading.metric)
            memory = self._memory(subject)
            yield from self._hear((reading.device_id, ""), reading.received_at, rules)
            yield from self._hear(subject, reading.received_at, rules)
            if reading.ts <= memory.ts:
                self.history += 1
                continue
            memory.ts = reading.ts
            for rule in rules.of(subject):
                if not isinstance(rule.condition, Silence):
                    yield from _measure(rule, subject, memory, reading)

    def silences(self, horizon: Horizon, rules: RulesOf) -> Iterator[Change]:
        """Find what is silent, and count in `held_back` what would be if the platform heard."""
        self.held_back = 0
        for subject, memory in self.memories.items():
            for rule in rules.of(subject):
                if not isinstance(rule.condition, Silence) or not memory.received_at:
                    continue
                progress = _progress(memory, rule)
                if progress.is_firing:
                    continue
                last_arrival = max(memory.received_at, horizon.not_before)
                due = silence_due(rule, last_arrival, memory.usual, progress.resolved)
                if due is None or due > horizon.known:
                    continue
                if due > horizon.judged:
                    self.held_back += 1
                    continue
                progress.is_firing, progress.since = True, memory.received_at
                seconds = (horizon.known - memory.received_at) / 1e6
                yield Change(subject, rule.rule_id, rule, True, memory.received_at, horizon.known, seconds, due)

    def reconcile(self, rules: RulesOf, known: Iterable[str], now: int) -> Iterator[Change]:
        """Resolve what fires by a rule that is no longer about it, and forget devices that are not `known`."""
        registered = set(known)
        for subject, memory in list(self.memories.items()):
            current = {rule.rule_id for rule in rules.of(subject)}
            for rule_id, progress in list(memory.progress.items()):
                if rule_id in current:
                    continue
                if progress.is_firing:
                    yield Change(subject, rule_id, None, False, progress.since or now, now, None, now)
                del memory.progress[rule_id]
                memory.rate_points.pop(rule_id, None)
            if subject[0] not in registered:
                del self.memories[subject]

    def _memory(self, subject: Subject) -> Memory:
        memory = self.memories.get(subject)
        if memory is None:
            memory = self.memories[subject] = Memory(rate_points={}, progress={})
        return memory

    def _hear(self, subject: Subject, received: int, rules: RulesOf) -> Iterator[Change]:
        memory = self._memory(subject)
        if received <= memory.received_at:
            return
        if memory.progress:
            for rule in rules.of(subject):
                progress = memory.progress.get(rule.rule_id)
                if isinstance(rule.condition, Silence) and progress is not None and progress.is_firing:
                    since, progress.since = progress.since or memory.received_at, None
                    progress.is_firing, progress.resolved = False, received
                    seconds = (received - since) / 1e6
                    yield Change(subject, rule.rule_id, rule, False, since, received, seconds, received)
        if memory.received_at:
            memory.usual = memory.usual.after(received - memory.received_at)
        memory.received_at = received


def _measure(rule: Rule, subject: Subject, memory: Memory, reading: LoggedReading) -> Iterator[Change]:
    value = reading.value
    if isinstance(rule.condition, Rate):
        rate = _rate(rule.condition, memory.rate_points.setdefault(rule.rule_id, []), reading)
        if rate is None:
            return
        value = rate
    progress = _progress(memory, rule)
    time = reading.ts
    if progress.is_firing:
        if is_over(rule.condition, value):
            since, progress.since = progress.since or time, None
            progress.is_firing, progress.resolved = False, time
            yield Change(subject, rule.rule_id, rule, False, since, time, value, reading.received_at)
        return
    if not holds(rule.condition, value) or in_maintenance(rule.maintenance, time):
        progress.since = None
        return
    if progress.since is None or progress.version != rule.version:
        progress.since, progress.version = time, rule.version
    cooled = progress.resolved is None or time - progress.resolved >= micros(rule.cool_down_seconds)
    if cooled and time - progress.since >= micros(rule.for_seconds):
        progress.is_firing = True
        yield Change(subject, rule.rule_id, rule, True, progress.since, time, value, reading.received_at)


def _progress(memory: Memory, rule: Rule) -> Progress:
    progress = memory.progress.get(rule.rule_id)
    if progress is None:
        progress = memory.progress[rule.rule_id] = Progress(rule.version)
    return progress


def _rate(condition: Rate, points: list[tuple[int, float]], reading: LoggedReading) -> float | None:
    """Return how fast a value changes, and keep what later readings are compared with."""
    window = micros(condition.over_seconds)
    while len(points) > 1 and points[1][0] <= reading.ts - window:
        del points[0]
    rate = None
    if points and points[0][0] <= reading.ts - window:
        time, value = points[0]
        rate = (reading.value - value) / ((reading.ts - time) / 1e6) * condition.per_seconds
    if not points or reading.ts - points[-1][0] >= window // KEPT_PER_WINDOW:
        points.append((reading.ts, reading.value))
    return rate
