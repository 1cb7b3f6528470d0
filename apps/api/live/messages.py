"""What travels over a WebSocket, both ways: JSON objects with a `type`.

The hub puts readings and alerts into messages as JSON that is encoded already (`msgspec.Raw`).
"""

from datetime import datetime
from typing import Annotated

import msgspec

from apps.api.queries.readings import LatestReading
from apps.domain.alerts import Alert
from apps.domain.devices import DeviceId
from apps.domain.readings import Metric


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe", forbid_unknown_fields=True):
    """What the client wants to see: null stands for all. It may be sent again at any time, and replaces the last."""

    device_ids: Annotated[list[DeviceId], msgspec.Meta(max_length=500)] | None = None
    metrics: Annotated[list[Metric], msgspec.Meta(max_length=100)] | None = None
    alerts: bool = True


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """The answer to a ping."""


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """The newest reading of each series and every alert that is not resolved, after each subscription."""

    readings: list[LatestReading]
    alerts: list[Alert]


class Readings(msgspec.Struct, frozen=True, tag="readings"):
    """Series with a newer reading. `dropped`: how many the client missed since the last message, being slow."""

    readings: list[LatestReading]
    dropped: int


class Alerts(msgspec.Struct, frozen=True, tag="alerts"):
    """Alerts that were opened or changed."""

    alerts: list[Alert]


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Sent every 10 s; a client that does not answer three of them is let go."""

    at: datetime


class Error(msgspec.Struct, frozen=True, tag="error"):
    """What was wrong with the client's last message. The connection stays."""

    detail: str


FROM_CLIENT = (Subscribe, Pong)
FROM_SERVER = (Snapshot, Readings, Alerts, Ping, Error)
