"""Ports of this machine."""

import fcntl
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle
from pathlib import Path

PORTS = range(20_000, 32_000)
"""Below those that systems take for outgoing connections (from 32768 on Linux): one of them could be taken before the
program that asked for it listens there."""

BLOCK_SIZE = 400
"""Ports of one process."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that is given to nobody else before its program does.

    Each process gives ports of a block of its own, in turn. Raises OSError when there is no block or no port left.
    """
    ports = _block()
    for _ in range(BLOCK_SIZE):
        port = next(ports)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"all {BLOCK_SIZE} ports of this process are taken: end some of the programs that it started")


@cache
def _block() -> Iterator[int]:
    """Return the ports of this process. A file that it never closes says so, by a lock that ends with it."""
    folder = Path(tempfile.gettempdir()) / f"ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    starts = list(PORTS[::BLOCK_SIZE])
    secrets.SystemRandom().shuffle(starts)
    for start in starts:
        lock = os.open(folder / str(start), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return cycle(range(start, start + BLOCK_SIZE))
    raise OSError(f"{len(starts)} processes have a block of ports each: end some of them")
