"""What a recording rule, an alert rule and a group of them are, and how Prometheus reads them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from prometheus_client import Gauge

from apps.domain.alerts import Severity
from apps.platform.promql import Expression, duration, sample_names

RUNBOOKS = "docs/operations.md"
"""Where each alert has a section of its own name that says what it means and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule:
    """Keeps the value of an expression as a metric, which other rules and panels name like any other."""

    metric: Gauge
    """What it is kept as: a metric that no process exports, so made with `registry=None`."""
    expression: Expression
    labels: dict[str, str] = field(default_factory=dict)

    def render(self, _: str) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        (name,) = sample_names(self.metric)
        return {"record": name, "expr": str(self.expression), **({"labels": self.labels} if self.labels else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """Alerts for each series that its expression yields, once it did so for `for_`."""

    name: str
    expression: Expression
    severity: Severity
    summary: str
    """One line for the person who is called; may hold Prometheus's templates."""
    for_: timedelta | None = None
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def runbook(self) -> str:
        """Path, from the repository's root, of the section that says what to do."""
        return f"{RUNBOOKS}#{self.name.lower()}"

    def render(self, repository: str) -> dict[str, Any]:
        """Return the rule as Prometheus reads it, its runbook linked under the URL `repository`."""
        return {
            "alert": self.name,
            "expr": str(self.expression),
            **({"for": duration(self.for_)} if self.for_ else {}),
            "labels": {"severity": self.severity.value, **self.labels},
            "annotations": {"summary": self.summary, "runbook_url": f"{repository.rstrip('/')}/{self.runbook}"},
        }


Rule: TypeAlias = RecordingRule | AlertRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """Rules that Prometheus evaluates one after the other, so that a rule sees what those before it recorded."""

    name: str
    rules: tuple[Rule, ...]
    interval: timedelta = timedelta(seconds=15)

    def render(self, repository: str) -> dict[str, Any]:
        """Return the group as Prometheus reads it."""
        return {
            "name": self.name,
            "interval": duration(self.interval),
            "rules": [rule.render(repository) for rule in self.rules],
        }


def rule_file(groups: Iterable[RuleGroup], repository: str) -> dict[str, Any]:
    """Return a Prometheus rule file, which is also the `spec` of a PrometheusRule."""
    return {"groups": [group.render(repository) for group in groups]}


def alert_rules(groups: Iterable[RuleGroup]) -> list[AlertRule]:
    """Return the alert rules of the groups."""
    return [rule for group in groups for rule in group.rules if isinstance(rule, AlertRule)]
