"""The newest state of every series and alert, and the clients that follow it.

What a client has not taken yet is kept as the names of series and alerts alone; their state is looked up when the
client takes them. So a client that reads slowly, or not at all, costs a bounded amount, and what it gets is the newest.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from apps.api.live.messages import Alerts, Error, Ping, Readings, Snapshot, Subscribe
from apps.api.metrics import LIVE_CLIENTS, LIVE_DROPPED, LIVE_UPDATES
from apps.api.queries.readings import LatestReading
from apps.api.queries.sql import Labels
from apps.domain.alerts import Alert, AlertState

K = TypeVar("K")
V = TypeVar("V")

MAX_ITEMS = 1000
"""Series, or alerts, of one message. What is more follows in the next ones."""

SeriesName = tuple[str, str]
"""Device and metric."""


class Hub:
    """What there is to see. Nothing here waits, so a change is never seen by half."""

    def __init__(self) -> None:
        self.ready = False
        """Whether the state was read from the database."""
        self.readings: _State[SeriesName, LatestReading] = _State(lambda item: (item.device_id, item.metric))
        self.labels: dict[str, frozenset[str]] = {}
        """Of each device, as they were when its newest reading was stored, or a minute ago."""
        self.alerts: _State[UUID, Alert] = _State(lambda alert: alert.alert_id)
        self._clients: set[Client] = set()

    def __len__(self) -> int:
        return len(self._clients)

    def join(self, labels: Labels = None) -> "Client":
        """Return a new client, which is sent nothing before it subscribes. `labels`: whose devices alone it sees."""
        client = Client(self, labels)
        self._clients.add(client)
        LIVE_CLIENTS.set(len(self))
        return client

    def leave(self, client: "Client") -> None:
        """Forget a client."""
        self._clients.discard(client)
        LIVE_CLIENTS.set(len(self))

    def publish(
        self,
        readings: Iterable[LatestReading] = (),
        alerts: Iterable[Alert] = (),
        labels: Mapping[str, frozenset[str]] | None = None,
        *,
        is_snapshot: bool = False,
    ) -> list[LatestReading]:
        """Take in what may be new and tell the clients; return the readings that were new.

        `is_snapshot`: this is all there is, so that what is not in it is forgotten.
        """
        self.ready = self.ready or is_snapshot
        self.labels = ({} if is_snapshot else self.labels) | dict(labels or {})
        series = self.readings.update(readings, is_snapshot)
        alert_ids = self.alerts.update(alerts, is_snapshot)
        for client in self._clients:
            client.enqueue(series, alert_ids)
        return [self.readings.values[name] for name in series]


class Client:
    """What one client follows and has not been sent yet."""

    def __init__(self, hub: Hub, labels: Labels) -> None:
        self.subscription: Subscribe | None = None
        self.labels = labels
        self._hub = hub
        self._wake = asyncio.Event()
        self._snapshot_due = False
        self._readings: set[SeriesName] = set()
        self._alerts: set[UUID] = set()
        self._dropped = 0
        self._error: str | None = None
        self._ping: datetime | None = None

    def subscribe(self, subscription: Subscribe) -> None:
        """Follow something else from now on, beginning with a snapshot."""
        self.subscription = subscription
        self._device_ids = None if subscription.device_ids is None else frozenset(subscription.device_ids)
        self._metrics = None if subscription.metrics is None else frozenset(subscription.metrics)
        self._snapshot_due = True
        self._wake.set()

    def send_error(self, detail: str) -> None:
        """Tell the client what was wrong with its message; a newer error takes the place of an older one."""
        self._error = detail
        self._wake.set()

    def ping(self, at: datetime) -> None:
        """Ask the client whether it is there."""
        self._ping = at
        self._wake.set()

    def enqueue(self, series: Iterable[SeriesName], alert_ids: Iterable[UUID]) -> None:
        """Note what is new, as far as the client follows it and a snapshot does not bring it anyway."""
        if self.subscription is None:
            return
        if not self._snapshot_due:
            for name in series:
                if self._follows(name):
                    self._dropped += name in self._readings
                    self._readings.add(name)
            if self.subscription.alerts:
                self._alerts.update(alert_id for alert_id in alert_ids if self._sees_alert(alert_id))
        self._wake.set()

    async def next(self) -> bytes:
        """Return the next message, once there is one."""
        while True:
            await self._wake.wait()
            if (message := self.take()) is not None:
                return msgspec.json.encode(message)
            self._wake.clear()

    def take(self) -> msgspec.Struct | None:
        """Return the next message; None when there is none."""
        if self._error is not None:
            detail, self._error = self._error, None
            return Error(detail)
        if self._ping is not None:
            at, self._ping = self._ping, None
            return Ping(at)
        if self._snapshot_due and self._hub.ready:
            return self._take_snapshot()
        if self._readings:
            readings, dropped = self._hub.readings.encoded(_take_some(self._readings)), self._dropped
            self._dropped = 0
            LIVE_UPDATES.inc(len(readings))
            LIVE_DROPPED.inc(dropped)
            return Readings(readings, dropped)
        if self._alerts:
            alerts = self._hub.alerts.encoded(_take_some(self._alerts))
            LIVE_UPDATES.inc(len(alerts))
            return Alerts(alerts)
        return None

    def _take_snapshot(self) -> Snapshot:
        assert self.subscription is not None  # noqa: S101 - a snapshot is due to whoever subscribed
        hub = self._hub
        series = [name for name in hub.readings.values if self._follows(name)]
        open_alerts = [
            name
            for name, alert in hub.alerts.values.items()
            if alert.state is not AlertState.RESOLVED and self._sees(alert.device_id)
        ]
        shown = open_alerts if self.subscription.alerts else []
        readings, alerts = hub.readings.encoded(series[:MAX_ITEMS]), hub.alerts.encoded(shown[:MAX_ITEMS])
        self._readings, self._alerts = set(series[MAX_ITEMS:]), set(shown[MAX_ITEMS:])
        self._snapshot_due, self._dropped = False, 0
        LIVE_UPDATES.inc(len(readings) + len(alerts))
        return Snapshot(readings, alerts)

    def _follows(self, name: SeriesName) -> bool:
        device_id, metric = name
        return (
            (self._device_ids is None or device_id in self._device_ids)
            and (self._metrics is None or metric in self._metrics)
            and self._sees(device_id)
        )

    def _sees(self, device_id: str | None) -> bool:
        if self.labels is None:
            return True
        return device_id is not None and not self.labels.isdisjoint(self._hub.labels.get(device_id, ()))

    def _sees_alert(self, alert_id: UUID) -> bool:
        alert = self._hub.alerts.values.get(alert_id)
        return alert is not None and self._sees(alert.device_id)


def _take_some(names: set[K]) -> list[K]:
    """Take at most `MAX_ITEMS` names out of a set and return them."""
    return [names.pop() for _ in range(min(len(names), MAX_ITEMS))]


class _State(Generic[K, V]):
    """Values by name, each encoded at most once however many clients take it."""

    def __init__(self, name: Callable[[V], K]) -> None:
        self.values: dict[K, V] = {}
        self._name = name
        self._encoded: dict[K, msgspec.Raw] = {}

    def update(self, items: Iterable[V], is_snapshot: bool) -> list[K]:
        """Take in values and return the names of those that were new."""
        given = {self._name(item): item for item in items}
        if is_snapshot:
            for gone in self.values.keys() - given.keys():
                del self.values[gone]
                self._encoded.pop(gone, None)
        new = [name for name, item in given.items() if self.values.get(name) != item]
        for name in new:
            self.values[name] = given[name]
            self._encoded.pop(name, None)
        return new

    def encoded(self, names: Iterable[K]) -> list[Any]:
        """Return the values of these names that there still are, as JSON."""
        return [self._encode(name) for name in names if name in self.values]

    def _encode(self, name: K) -> msgspec.Raw:
        if name not in self._encoded:
            self._encoded[name] = msgspec.Raw(msgspec.json.encode(self.values[name]))
        return self._encoded[name]
