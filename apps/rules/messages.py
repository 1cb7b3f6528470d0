"""What an alert says, in everyday words."""

from datetime import timedelta

from apps.domain.alerts import Anomaly
from apps.domain.rule_reference import moment
from apps.domain.rules import Above, Below, Condition, Outside, Rate, Rule, Silence
from apps.rules.evaluator import Change


def source(change: Change) -> str:
    """Return what an alert is about: a sensor (`pump-7/pressure`), or a device."""
    device_id, metric = change.subject
    return f"{device_id}/{metric}" if metric else device_id


def anomaly(change: Change, rule: Rule, name: str | None) -> Anomaly:
    """Return the alert of a change that opens one. `name`: what people call the device."""
    device_id, metric = change.subject
    value = change.value or 0.0
    return Anomaly(
        source=source(change),
        rule=rule.rule_id,
        severity=rule.severity,
        message=f"{name or device_id}: {rule.name}. {_what(rule.condition, metric, value)}",
        device_id=device_id,
        metric=metric or None,
        since=moment(change.since),
        threshold=_threshold(rule.condition, value),
        labels=rule.labels,
        rule_version=rule.version,
        window_start=moment(change.since),
        window_end=moment(change.at),
        observed=value,
    )


def reason(change: Change) -> str:
    """Return why an alert is over."""
    _, metric = change.subject
    if change.rule is None:
        return "the rule is no longer about it: it was deleted, disabled, or its scope was changed"
    if isinstance(change.rule.condition, Silence):
        return f"heard of again after {_duration(change.value or 0)}"
    return f"{metric} is {change.value:.6g} again"


def _what(condition: Condition, metric: str, value: float) -> str:
    match condition:
        case Above():
            return f"{metric} is {value:.6g}, above {condition.threshold:.6g}"
        case Below():
            return f"{metric} is {value:.6g}, below {condition.threshold:.6g}"
        case Outside():
            return f"{metric} is {value:.6g}, outside {condition.low:.6g} to {condition.high:.6g}"
        case Rate():
            return f"{metric} changes by {value:+.6g} in {_duration(condition.per_seconds)}"
        case Silence():
            return f"Nothing {f'of {metric} ' if metric else ''}has arrived for {_duration(value)}"


def _threshold(condition: Condition, value: float) -> float | None:
    match condition:
        case Outside():
            return condition.low if value < condition.low else condition.high
        case Silence():
            return condition.interval_seconds
        case _:
            return condition.threshold


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return str(timedelta(seconds=round(seconds)))
