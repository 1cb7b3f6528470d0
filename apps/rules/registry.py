"""Which rules are about which device and metric, as the database had it at the last look."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from apps.domain.rules import Rule, Silence
from apps.rules.memory import Subject
from apps.storage.connection import Connection
from apps.storage.rules import load_rules


class KnownDevice(NamedTuple):
    """What rules need to know of a device."""

    kind: str
    labels: tuple[str, ...]
    name: str | None


class Registry:
    """Rules and devices, read again when either changed."""

    def __init__(self) -> None:
        self.devices: Mapping[str, KnownDevice] = {}
        self._rules: list[Rule] = []
        self._seen: object = None
        self._of: dict[Subject, tuple[Rule, ...]] = {}

    async def refresh(self, connection: Connection) -> bool:
        """Read what changed, and tell whether anything did."""
        now = tuple(await connection.fetchrow(_FINGERPRINT) or ())
        if now == self._seen:
            return False
        self._rules = [rule for rule in await load_rules(connection) if rule.enabled or rule.overrides]
        self.devices = {
            row["device_id"]: KnownDevice(row["kind"], tuple(row["labels"]), row["name"])
            for row in await connection.fetch("SELECT device_id, kind, labels, name FROM devices")
        }
        self._of.clear()
        self._seen = now
        return True

    def of(self, subject: Subject) -> tuple[Rule, ...]:
        """Return the enabled rules about a subject, each as it is for that device."""
        found = self._of.get(subject)
        if found is None:
            found = self._of[subject] = tuple(self._find(*subject))
        return found

    def _find(self, device_id: str, metric: str) -> list[Rule]:
        device = self.devices.get(device_id)
        if device is None:
            return []
        found = []
        for rule in self._rules:
            if not rule.scope.covers_device(device_id, device.kind, device.labels):
                continue
            own = rule.for_device(device_id)
            is_whole = isinstance(own.condition, Silence) and own.condition.of == "device"
            if own.enabled and is_whole == (not metric) and (is_whole or rule.scope.covers_metric(metric)):
                found.append(msgspec.structs.replace(own, overrides=()))
        return found


_FINGERPRINT = """
SELECT (SELECT count(*) FROM devices), (SELECT max(updated_at) FROM devices),
    (SELECT count(*) FROM rules), (SELECT sum(version) FROM rules), (SELECT max(updated_at) FROM rules)
"""
