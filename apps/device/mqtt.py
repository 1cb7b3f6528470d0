"""Messages of an MQTT broker, each acknowledged when its readings are on the disk (quality of service 1)."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from .errors import MappingError

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, from an address such as mqtts://user@broker.example.com:8883."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, address: str, password_file: Path | None = None) -> "Broker":
        """Read an address. Raises MappingError for another one."""
        parts = urlsplit(address)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.password:
            raise MappingError(
                f"{parts.scheme}://{parts.hostname or ''}: write mqtt://HOST[:PORT] or mqtts://USER@HOST[:PORT]; "
                "a password is read from --mqtt-password-file"
            )
        tls = parts.scheme == "mqtts"
        password = password_file.read_text().strip() if password_file else None
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, parts.port or (8883 if tls else 1883), tls, user, password)


def follow(broker: Broker, client_id: str, topics: Sequence[str], take: Callable[[str, bytes], int]) -> None:
    """Take every message on the topics until the process is interrupted; connect again when the connection breaks.

    The broker keeps for `client_id` what arrives meanwhile (a persistent session).
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)
    if broker.tls:
        client.tls_set()
    if broker.user:
        client.username_pw_set(broker.user, broker.password)

    def on_connect(
        client: mqtt.Client,
        _data: object,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            LOG.warning("the broker refuses the connection: %s", reason)
            return
        client.subscribe([(topic, 1) for topic in topics])

    def on_message(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        # A retained message comes with each subscription anew, and when it was measured is not known.
        if not message.retain:
            take(message.topic, bytes(message.payload))
        client.ack(message.mid, message.qos)

    client.on_connect = on_connect
    client.on_message = on_message
    client.reconnect_delay_set(1, 60)
    client.connect_async(broker.host, broker.port)
    with suppress(KeyboardInterrupt):
        client.loop_forever(retry_first_connection=True)
    client.disconnect()
