"""What the stub's fleet looks like: its curves, its order, its numbers."""

import contextlib
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from apps.api.queries.fleet import TROUBLE
from apps.domain.alerts import Severity

DONE = {"acknowledge": "acknowledged", "resolve": "resolved", "snooze": "snoozed", "unsnooze": "unsnoozed"}
"""How an event calls what a verb of the API does."""

CREDENTIAL = {"credential_id": "0" * 16, "credential": f"sad_{'0' * 16}_{'a' * 64}", "expires_at": None}
SEVERITIES = tuple(Severity)
EVIDENCE = ("score", "window_start", "window_end", "expected", "observed", "model", "model_version")
SUBJECT = ("device_id", "metric", "since", "threshold", "rule_version", "kind", "unit")
UNSET = (*EVIDENCE, *SUBJECT, "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by", "snoozed_until")


def now() -> datetime:
    """The time that the stub goes by."""
    return datetime.now(UTC)


def described(device: dict[str, Any]) -> str:
    """Everything that a search looks at."""
    metrics = [reading["metric"] for reading in device["readings"]]
    words = [device["device_id"], device["name"] or "", device["kind"], *device["labels"], *metrics, device["state"]]
    return " ".join(words).lower()


def by_trouble(fleet: list[dict[str, Any]], alerts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort devices by the API's own rule, which is SQL."""
    unattended = Counter(alert["source"].split("/")[0] for alert in alerts if alert["state"] == "open")
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        query = f"SELECT {TROUBLE} FROM (SELECT ? AS state, ? AS severity, ? AS open_alerts, ? AS unattended)"

        def key(device: dict[str, Any]) -> tuple[float, str]:
            device_id, worst = device["device_id"], device["worst"]
            severity = SEVERITIES.index(worst) + 1 if worst else 0
            columns = (device["state"], severity, device["open_alerts"], unattended[device_id])
            (severity,) = database.execute(query, columns).fetchone()
            return -severity, device_id

        return sorted(fleet, key=key)


def is_asked_for(alert: dict[str, Any], query: Mapping[str, str]) -> bool:
    """Whether an alert is among those that a query of the list names."""
    snoozed, device = str(is_snoozed(alert)).lower(), alert["source"].split("/")[0]
    properties = {"state": alert["state"], "severity": alert["severity"], "device_id": device, "snoozed": snoozed}
    return all(query.get(name, value) == value for name, value in properties.items())


def is_snoozed(alert: dict[str, Any]) -> bool:
    """Whether nobody is told of an alert now, though it is open."""
    until = alert["snoozed_until"]
    return alert["state"] == "open" and until is not None and datetime.fromisoformat(until) > now()


def counts(fleet: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> dict[str, Any]:
    """The fleet in numbers."""

    def of(values: Sequence[str]) -> list[dict[str, Any]]:
        return [{"value": value, "count": count} for value, count in Counter(values).most_common()]

    return {
        "total": len(fleet),
        "silent": sum(device["state"] == "silent" for device in fleet),
        "matching": len(wanted),
        "located": sum("latitude" in device["attributes"] for device in wanted),
        "states": of([device["state"] for device in fleet] + ["alerting" for member in fleet if member["worst"]]),
        "kinds": of([device["kind"] for device in fleet]),
        "labels": of([label for device in fleet for label in device["labels"]]),
        "metrics": of([reading["metric"] for device in fleet for reading in device["readings"]]),
    }


def minutes(item: dict[str, Any]) -> list[list[float]]:
    """The quarter of an hour before a reading, a point for each minute, to the reading itself."""
    end = int(datetime.fromisoformat(item["ts"]).timestamp()) // 60 * 60
    points = []
    for at in range(end - 14 * 60, end + 60, 60):
        value = item["value"] + math.sin(at / 180) - math.sin(end / 180)
        points.append([at, value, value - 0.4, value + 0.4, 6])
    return points


def curve(device_id: str, metric: str, at: float) -> float:
    """A daily cycle with a little noise, of its own for each device."""
    own = sum(device_id.encode()) % 17
    base, swing = {"temperature": (21, 4), "humidity": (48, 12), "vibration": (2.4, 0.8)}.get(metric, (420, 120))
    daily = math.sin(2 * math.pi * at / 86_400 + own)
    return base + own / 9 + swing * (0.8 * daily + 0.12 * math.sin(at / 2900 + own) + 0.05 * math.sin(at / 61))
