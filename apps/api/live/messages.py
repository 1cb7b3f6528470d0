"""What travels over a WebSocket, both ways: JSON objects with a `type`.

The hub puts readings and alerts into messages as JSON that is encoded already (`msgspec.Raw`).
"""

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from apps.api.errors import DeclarationError
from apps.api.permissions import Permission
from apps.api.queries.readings import LatestReading
from apps.domain.alerts import Alert
from apps.domain.devices import DeviceId
from apps.domain.readings import Metric


class Message(msgspec.Struct, frozen=True):
    """A message. Each kind declares its permission: what the client must be allowed to send it, or to be sent it.

    Raises DeclarationError, as its module is imported, for one that does not.
    """

    permission: ClassVar[Permission]

    def __init_subclass__(cls, **_: object) -> None:
        if "permission" not in cls.__dict__:
            raise DeclarationError(f"{cls.__qualname__}: who may have this message? Declare its permission")


class Subscribe(Message, frozen=True, tag="subscribe", forbid_unknown_fields=True):
    """What the client wants to see: null stands for all. It may be sent again at any time, and replaces the last."""

    permission = Permission.READINGS_READ
    device_ids: Annotated[list[DeviceId], msgspec.Meta(max_length=500)] | None = None
    metrics: Annotated[list[Metric], msgspec.Meta(max_length=100)] | None = None
    alerts: bool = True


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a ping."""

    permission = Permission.PUBLIC


class Snapshot(Message, frozen=True, tag="snapshot"):
    """The newest reading of each series and every alert that is not resolved, after each subscription.

    At most 1000 of each; the others follow as `readings` and `alerts` of as many.
    """

    permission = Permission.READINGS_READ

    readings: list[LatestReading]
    alerts: list[Alert]


class Readings(Message, frozen=True, tag="readings"):
    """Series with a newer reading. `dropped`: how many the client missed since the last message, being slow."""

    permission = Permission.READINGS_READ

    readings: list[LatestReading]
    dropped: int


class Alerts(Message, frozen=True, tag="alerts"):
    """Alerts that were opened or changed."""

    permission = Permission.ALERTS_READ

    alerts: list[Alert]


class Ping(Message, frozen=True, tag="ping"):
    """Sent every 10 s; a client that does not answer three of them is let go."""

    permission = Permission.PUBLIC

    at: datetime


class Error(Message, frozen=True, tag="error"):
    """What was wrong with the client's last message. The connection stays."""

    permission = Permission.PUBLIC

    detail: str


FROM_CLIENT = (Subscribe, Pong)
FROM_SERVER = (Snapshot, Readings, Alerts, Ping, Error)
