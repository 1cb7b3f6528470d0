"""Ports of this machine."""

import secrets
import socket
from contextlib import suppress


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    It lies below those that systems take for outgoing connections (from 32768 on Linux): one of them could be taken
    before the program that this is for listens there.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
