"""Send readings from a command line, or bridge those of other systems."""

import argparse
import logging
import signal
import sys
from pathlib import Path

import httpx

from . import bridge, mapping
from .connection import read_credential
from .credential_file import provision, rotate
from .device import TIMEOUT, Device
from .errors import CredentialError, DeviceKitError, InvalidReadingError
from .readings import read_line
from .store import Store

NOT_SENT, NOT_USABLE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    options = _parser().parse_args(arguments)
    if arguments is None:
        # As Ctrl-C, it ends a wait for input; what was read is on the disk.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        return NOT_SENT
    except (DeviceKitError, OSError) as error:
        print(f"device: {error}", file=sys.stderr)
        return NOT_USABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apps.device" if __package__ == "apps.device" else f"python -m {__package__}",
        description="Sends readings to the platform. They wait in a file until it has them, also over a power cut.",
        epilog="exit code: 0; 1 when readings are still waiting at the end; 2 when something given cannot be used",
    )
    commands = parser.add_subparsers(title="commands", required=True)
    send = commands.add_parser(
        "send",
        help="send one device's readings from standard input",
        description='Reads lines such as {"metric": "temperature", "value": 21.5}; with "ts" unless it is of now.',
    )
    _common(send)
    send.add_argument("device", metavar="DEVICE", help="the device's id")
    send.add_argument(
        "--credential-file", type=Path, required=True, metavar="FILE", help="holds the device's credential"
    )
    send.set_defaults(command=_send)
    first = commands.add_parser("provision", help="register a device with its fleet's key, and keep its credential")
    first.add_argument("url", metavar="URL", help="where the platform is")
    first.add_argument("device", metavar="DEVICE", help="the device's id")
    first.add_argument("--kind", required=True, help="for example temperature")
    first.add_argument("--claim-code", metavar="CODE", help="what stands on the device's label, for whoever claims it")
    first.add_argument("--fleet-key-file", type=Path, required=True, metavar="FILE", help="holds the fleet's key")
    first.add_argument("--credential-file", type=Path, required=True, metavar="FILE", help="is written")
    first.set_defaults(command=_provision)
    renew = commands.add_parser("rotate", help="replace a device's credential by a new one")
    renew.add_argument("url", metavar="URL", help="where the platform is")
    renew.add_argument("--credential-file", type=Path, required=True, metavar="FILE", help="holds the credential")
    renew.set_defaults(command=_rotate)
    over = commands.add_parser(
        "bridge",
        help="send what other systems say: MQTT messages, or lines of JSON from standard input",
        description="Reads messages by a mapping file (docs/devices.md). From standard input come lines of JSON, or of "
        "mosquitto_sub -F %j.",
    )
    _common(over)
    over.add_argument(
        "--mapping", type=Path, required=True, metavar="FILE", help="which readings a message holds (TOML)"
    )
    over.add_argument(
        "--credentials",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="holds each device's credential, in a file of its id",
    )
    over.add_argument(
        "--fleet-key-file",
        type=Path,
        metavar="FILE",
        help="holds the key by which a device that has no credential registers itself",
    )
    over.add_argument("--kind", default="sensor", help="of devices that register themselves; default: %(default)s")
    over.add_argument(
        "--mqtt", metavar="ADDRESS", help="mqtt://HOST[:PORT] or mqtts://USER@HOST[:PORT]; else standard input"
    )
    over.add_argument("--mqtt-password-file", type=Path, metavar="FILE")
    over.add_argument(
        "--client-id", default="sensor-analytics-bridge", help="under which the broker keeps what arrives meanwhile"
    )
    over.set_defaults(command=_bridge)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="where the platform is, for example https://sensors.example.com")
    parser.add_argument("--store", type=Path, default=Path("readings.db"), metavar="FILE", help="default: %(default)s")
    parser.add_argument(
        "--timeout",
        type=float,
        default=60,
        metavar="SECONDS",
        help="for the rest at the end of the input; default: %(default)s",
    )


def _send(options: argparse.Namespace) -> int:
    with Device(options.url, options.device, credential=options.credential_file, store=options.store) as device:
        for line in filter(str.strip, sys.stdin):
            try:
                reading = read_line(line)
            except InvalidReadingError as error:
                print(f"device: {error}", file=sys.stderr)
            else:
                device.record(reading.metric, reading.value, reading.ts)
        device.flush(options.timeout)
        status = device.status
    print(f"{status.sent} sent, {status.refused} refused, {status.waiting} waiting")
    return NOT_SENT if status.waiting else 0


def _provision(options: argparse.Namespace) -> int:
    if options.credential_file.exists():
        raise CredentialError(f"{options.credential_file} is there already: the device has a credential")
    key = read_credential(options.fleet_key_file)
    with httpx.Client(timeout=TIMEOUT) as http:
        provision(http, options.url, key, options.device, options.kind, options.credential_file, options.claim_code)
    print(f"{options.device} is registered; its credential is in {options.credential_file}")
    return 0


def _rotate(options: argparse.Namespace) -> int:
    with httpx.Client(timeout=TIMEOUT) as http:
        rotate(http, options.url, options.credential_file)
    print(f"{options.credential_file} holds a new credential; the old one is revoked")
    return 0


def _bridge(options: argparse.Namespace) -> int:
    messages = mapping.Messages.load(options.mapping)
    store = Store(options.store)
    with httpx.Client(timeout=TIMEOUT) as http:
        fleet = bridge.Fleet(read_credential(options.fleet_key_file), options.kind) if options.fleet_key_file else None
        over = bridge.Bridge(options.url, messages, store, options.credentials, http, fleet)
        with over.sending():
            if options.mqtt:
                from . import mqtt  # its library is installed only where it is needed

                broker = mqtt.Broker.parse(options.mqtt, options.mqtt_password_file)
                mqtt.follow(broker, options.client_id, messages.topics, over.take)
            else:
                for topic, payload in mapping.lines(sys.stdin):
                    over.take(topic, payload)
                over.flush(options.timeout)
    waiting = store.waiting()
    print(f"{store.count('sent')} sent, {store.count('refused')} refused, {waiting} waiting")
    return NOT_SENT if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
