"""Service level objectives as data, and the rules that follow from them.

The alerts are multi-window, multi-burn-rate ones (Google, The Site Reliability Workbook, chapter 5): a burn rate of 1
spends the error budget exactly within the objective's window. An alert says how much of the budget may be spent within
its long window before somebody hears of it; its short window, a twelfth as long, ends it soon after the trouble did.
Without traffic a ratio is 0/0, which is not a number and alerts nobody.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import cache, reduce
from operator import or_
from typing import Protocol

from prometheus_client import Gauge

from apps.domain.alerts import Severity
from apps.observability.rules import AlertRule, RecordingRule, Rule, RuleGroup
from apps.platform.declaration import Service
from apps.platform.promql import Expression, Matcher, Window, clamp_min, decimal, duration, value


class Events(Protocol):
    """How many events a second there were over a window, as one series without labels.

    `where`: only those of some targets, by Prometheus's own labels, for example `pod`.
    """

    def __call__(self, window: Window, /, **where: Matcher) -> Expression:
        """Return the expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRateAlert:
    """Who hears of it, and how soon, when `budget_consumed` of the error budget went within the time `long_window`."""

    budget_consumed: Fraction
    long_window: timedelta
    severity: Severity

    @property
    def short_window(self) -> timedelta:
        """The window that must burn as well, so that the alert ends when the trouble does."""
        return self.long_window / 12

    def burn_rate(self, window: timedelta) -> Fraction:
        """How many times faster than the budget of `window` allows."""
        return self.budget_consumed * Fraction(window // timedelta(seconds=1), self.long_window // timedelta(seconds=1))


BURN_RATE_ALERTS = (
    BurnRateAlert(budget_consumed=Fraction(2, 100), long_window=timedelta(hours=1), severity=Severity.CRITICAL),
    BurnRateAlert(budget_consumed=Fraction(5, 100), long_window=timedelta(hours=6), severity=Severity.CRITICAL),
    BurnRateAlert(budget_consumed=Fraction(10, 100), long_window=timedelta(days=1), severity=Severity.WARNING),
    BurnRateAlert(budget_consumed=Fraction(10, 100), long_window=timedelta(days=3), severity=Severity.WARNING),
)
"""Critical pages somebody, a warning is a ticket for the next working day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """Of all events of a window, the fraction `objective` shall be good."""

    name: str
    title: str
    objective: Fraction
    good: Events
    total: Events
    window: timedelta = timedelta(days=30)
    service: Service | None = None
    """Whose pods cause its events, each pod its own; None: what several services do together."""

    @property
    def budget(self) -> Fraction:
        """The fraction of events that may be bad."""
        return 1 - self.objective

    def errors(self, window: Window, **where: Matcher) -> Expression:
        """The fraction of events that were bad over `window`; not a number when there were none."""
        total = self.total(window, **where)
        return clamp_min(1 - (self.good(window, **where) | total * 0) / total, 0)

    def threshold(self, burn: BurnRateAlert) -> Fraction:
        """The fraction of bad events at which `burn` alerts."""
        return burn.burn_rate(self.window) * self.budget

    def detection_time(self, burn: BurnRateAlert, errors: Fraction = Fraction(1)) -> timedelta:
        """How long after a fault that makes the fraction `errors` of events bad `burn` alerts, at even traffic.

        Raises ValueError when the fault burns too slowly for it.
        """
        if errors < self.threshold(burn):
            raise ValueError(f"{self.name}: {decimal(errors)} of events bad is under {decimal(self.threshold(burn))}")
        return timedelta(seconds=float(self.threshold(burn) / errors * (burn.long_window // timedelta(seconds=1))))

    def recorded(self, window: timedelta) -> Expression:
        """The recorded fraction of bad events over one of the windows that the alerts look at."""
        return value(error_ratio(window), slo=self.name)

    def groups(self) -> Iterator[RuleGroup]:
        """Yield the rules that page, evaluated often, and those that write tickets: their long windows cost more."""
        recorded: set[timedelta] = set()
        for severity, interval in (
            (Severity.CRITICAL, timedelta(seconds=15)),
            (Severity.WARNING, timedelta(minutes=2)),
        ):
            burns = [burn for burn in BURN_RATE_ALERTS if burn.severity is severity]
            windows = {window for burn in burns for window in (burn.short_window, burn.long_window)} - recorded
            recorded |= windows
            rules: list[Rule] = [self._record(window) for window in sorted(windows)]
            rules.append(self._alert(severity, burns))
            yield RuleGroup(name=f"slo-{self.name}-{severity}", rules=tuple(rules), interval=interval)

    def _record(self, window: timedelta) -> RecordingRule:
        return RecordingRule(metric=error_ratio(window), expression=self.errors(window), labels={"slo": self.name})

    def _alert(self, severity: Severity, burns: Iterable[BurnRateAlert]) -> AlertRule:
        return AlertRule(
            name=f"{self.name.title().replace('-', '')}BudgetBurn",
            expression=reduce(or_, map(self._burning, burns)),
            severity=severity,
            labels={"slo": self.name},
            summary=f"{self.title}: the error budget of {self.window.days} days burns too fast",
        )

    def _burning(self, burn: BurnRateAlert) -> Expression:
        threshold = self.threshold(burn)
        return (self.recorded(burn.long_window) > threshold) & (self.recorded(burn.short_window) > threshold)


@cache
def error_ratio(window: timedelta) -> Gauge:
    """Return the metric that keeps the fraction of bad events over `window` of every objective."""
    name = f"slo:error_ratio:rate{duration(window)}"
    return Gauge(name, f"Fraction of events that were bad over {duration(window)}.", ["slo"], registry=None)
