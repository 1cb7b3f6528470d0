"""Rules: what people want to be told of, as data. What a rule means, `apps.domain.rule_reference` says."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

import msgspec

from apps.domain.alerts import Severity
from apps.domain.devices import DeviceId, Kind, Label, Name
from apps.domain.maintenance import Maintenance
from apps.domain.readings import Metric, Value

MAX_SECONDS = 31 * 86_400

RESERVED_IDS = frozenset({"zscore", "rarity", "fleet-silent", "dry-run", "import", "export"})
"""What raises alerts without being a rule of somebody, and what would hide a path of the API.

As it was when rules began: a stored rule whose id were reserved later could not be read any more. What else raises
alerts of its own has an id that the pattern of `RuleId` refuses.
"""

RuleId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9-]{0,62}(?!\n)$",
        description="Lower case letters, digits and '-', at most 63, beginning with a letter",
        examples=["boiler-too-hot"],
    ),
]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MAX_SECONDS, description="Seconds, at most 31 days")]
SomeSeconds = Annotated[float, msgspec.Meta(ge=1, le=MAX_SECONDS, description="Seconds, 1 to 31 days")]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e300, description="A positive number, in the metric's own unit")]


class Above(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="above"):
    """The value is greater than `threshold`; it is over when it is not greater than `clear`."""

    threshold: Value
    clear: Value | None = None
    """By default the threshold."""

    def __post_init__(self) -> None:
        """Raise ValueError where what clears the alert would open it again."""
        if self.clear is not None and self.clear > self.threshold:
            raise ValueError(f"clear must not be greater than threshold {self.threshold:g}, got {self.clear:g}")


class Below(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="below"):
    """The value is less than `threshold`; it is over when it is not less than `clear`."""

    threshold: Value
    clear: Value | None = None
    """By default the threshold."""

    def __post_init__(self) -> None:
        """Raise ValueError where what clears the alert would open it again."""
        if self.clear is not None and self.clear < self.threshold:
            raise ValueError(f"clear must not be less than threshold {self.threshold:g}, got {self.clear:g}")


class Outside(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="outside"):
    """The value is less than `low` or greater than `high`; it is over when it lies within the clear levels."""

    low: Value
    high: Value
    clear_low: Value | None = None
    """By default `low`."""
    clear_high: Value | None = None
    """By default `high`."""

    def __post_init__(self) -> None:
        """Raise ValueError where the levels are not in their order."""
        if self.low >= self.high:
            raise ValueError(f"low must be less than high {self.high:g}, got {self.low:g}")
        low = self.low if self.clear_low is None else self.clear_low
        high = self.high if self.clear_high is None else self.clear_high
        if not self.low <= low <= high <= self.high:
            raise ValueError(
                f"low <= clear_low <= clear_high <= high must hold, got {self.low:g}, {low:g}, {high:g}, {self.high:g}"
            )


class Direction(StrEnum):
    """Which way a value changes."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="rate"):
    """The value changes faster than by `threshold` in `per_seconds`, measured over `over_seconds`.

    A reading is compared with the newest that is at least `over_seconds` older.
    """

    threshold: Positive
    per_seconds: SomeSeconds = 60
    over_seconds: SomeSeconds = 300
    direction: Direction = Direction.BOTH
    clear: Annotated[float, msgspec.Meta(ge=0, le=1e300)] | None = None
    """It is over when the change is not faster than this. By default the threshold."""

    def __post_init__(self) -> None:
        """Raise ValueError where what clears the alert would open it again."""
        if self.clear is not None and self.clear > self.threshold:
            raise ValueError(f"clear must not be greater than threshold {self.threshold:g}, got {self.clear:g}")


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="silence"):
    """Nothing has arrived for longer than `interval_seconds`; it is over with whatever arrives next."""

    interval_seconds: SomeSeconds | None = None
    """Null: learnt. Twice the longest usual pause, once 20 pauses are known."""
    of: Literal["device", "metric"] = "device"
    """Whether a device is silent when none of its metrics arrives, or each metric is judged by itself."""


Threshold = Above | Below | Outside
Condition = Above | Below | Outside | Rate | Silence


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule is about. An empty list: whatever it is. What all lists allow is meant."""

    device_ids: Annotated[tuple[DeviceId, ...], msgspec.Meta(max_length=1000)] = ()
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=100)] = ()
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = ()
    """A device must have all of them."""
    metrics: Annotated[tuple[Metric, ...], msgspec.Meta(max_length=100)] = ()

    def covers_device(self, device_id: str, kind: str, labels: Collection[str]) -> bool:
        """Return whether a device is meant."""
        return (
            (not self.device_ids or device_id in self.device_ids)
            and (not self.kinds or kind in self.kinds)
            and set(self.labels) <= set(labels)
        )

    def covers_metric(self, metric: str) -> bool:
        """Return whether a metric is meant."""
        return not self.metrics or metric in self.metrics


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different for one device. What is left out is as in the rule."""

    device_id: DeviceId
    condition: Condition | None = None
    for_seconds: Seconds | None = None
    severity: Severity | None = None
    enabled: bool | None = None


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule as a person writes it."""

    rule_id: RuleId
    name: Name
    """What is wrong when it fires, as a message says it: Boiler too hot."""
    condition: Condition
    scope: Scope = Scope()
    severity: Severity = Severity.WARNING
    for_seconds: Seconds = 0
    """How long it must have been so, from reading to reading, before an alert is opened."""
    cool_down_seconds: Seconds = 0
    """How long after its end no alert of the same source is opened."""
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)] = ()
    """Labels that its alerts get beside those of the device, for routes."""
    maintenance: Annotated[tuple[Maintenance, ...], msgspec.Meta(max_length=50)] = ()
    """In these windows no alert is opened, and what happens does not count towards `for_seconds`."""
    overrides: Annotated[tuple[Override, ...], msgspec.Meta(max_length=1000)] = ()
    enabled: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError where parts do not fit together."""
        if self.rule_id in RESERVED_IDS:
            raise ValueError(f"rule_id {self.rule_id!r} is reserved: choose another")
        if not isinstance(self.condition, Silence) and not self.scope.metrics:
            raise ValueError("scope.metrics is empty: a limit is one of a metric; name the metrics that are meant")
        if isinstance(self.condition, Silence) and self.condition.of == "device" and self.scope.metrics:
            raise ValueError("scope.metrics is for rules about metrics: leave it out, or let condition.of be metric")
        devices = [override.device_id for override in self.overrides]
        if twice := sorted({device for device in devices if devices.count(device) > 1}):
            raise ValueError(f"overrides name {', '.join(twice)} twice: give each device one")
        for override in self.overrides:
            if override.condition is not None and type(override.condition) is not type(self.condition):
                raise ValueError(
                    f"the override of {override.device_id} has a condition of another type than the rule: "
                    f"expected {self.condition.__struct_config__.tag}"
                )

    def for_device(self, device_id: str) -> Self:
        """Return the rule as it is for one device."""
        for override in self.overrides:
            if override.device_id == device_id:
                given = {
                    name: value
                    for name in ("condition", "for_seconds", "severity", "enabled")
                    if (value := getattr(override, name)) is not None
                }
                return msgspec.structs.replace(self, overrides=(), **given)
        return self


class Rule(RuleSpec, frozen=True, kw_only=True):
    """A rule as it is kept: each change makes a new version of it."""

    version: int
    updated_at: datetime
    updated_by: str


class RuleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule was once, and who made it so. `spec` is null where it was deleted."""

    rule_id: str
    version: int
    changed_at: datetime
    changed_by: str
    spec: RuleSpec | None
