"""A bridge: messages of other systems come in, and their readings go to the platform, each under its own device's name.

A message counts as taken when its readings are on the disk.
"""

import logging
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from .connection import Connection
from .credential_file import provision
from .errors import CredentialError, UnansweredError
from .mapping import Messages
from .protocol import Backoff
from .sending import Sending
from .store import Store

LOG = logging.getLogger(__name__)

AT_A_TIME = 8
"""Requests."""
EVERY_SECONDS = 1.0
PROVISION_WAIT_SECONDS = 60.0
MAX_PROBLEMS = 1_000
"""So many different ones are told, each once."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The key by which devices register themselves, and their kind."""

    key: str = field(repr=False)
    kind: str


class Bridge:
    """Keeps what messages hold in `store`, and sends it to the platform at `base`.

    `credentials`: the folder with the credential of each device, in a file of the device's name. `fleet`: as what a
    device that has none registers itself, when its first readings come.
    """

    def __init__(
        self,
        base: str,
        messages: Messages,
        store: Store,
        credentials: Path,
        http: httpx.Client,
        fleet: Fleet | None = None,
    ) -> None:
        self._base = base
        self._messages = messages
        self._store = store
        self._credentials = credentials
        self._http = http
        self._fleet = fleet
        self._sendings: dict[str, Sending] = {}
        self._due: dict[str, float] = {}
        self._problems: set[str] = set()
        self._stopping = threading.Event()
        self._changed = threading.Condition()

    def take(self, topic: str, payload: bytes) -> int:
        """Keep the readings of a message, which are on the disk when this returns; return how many there were."""
        found = self._messages.read(topic, payload, datetime.now(UTC))
        for problem in found.problems:
            self._tell(f"left out: {problem}")
        for device_id in sorted({entry.device_id for entry in found.readings}):
            readings = [entry.reading for entry in found.readings if entry.device_id == device_id]
            self._store.append(device_id, readings, by_own_clock=False)
        return len(found.readings)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send, in a thread, what waits while the block runs."""
        thread = threading.Thread(target=self._work, name="bridge")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def flush(self, timeout: float) -> bool:
        """Wait until the platform has everything; return whether it has within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._store.waiting() == 0, timeout)

    def _work(self) -> None:
        with ThreadPoolExecutor(AT_A_TIME, "sending") as pool:
            while not self._stopping.wait(EVERY_SECONDS):
                now = time.monotonic()
                due = [device_id for device_id in self._store.devices() if self._due.get(device_id, 0) <= now]
                for device_id, wait in zip(due, pool.map(self._send_once, due), strict=True):
                    self._due[device_id] = time.monotonic() + (wait or 0)
                with self._changed:
                    self._changed.notify_all()

    def _send_once(self, device_id: str) -> float | None:
        try:
            self._provision(device_id)
            return self._sending(device_id).once()
        except (CredentialError, UnansweredError) as error:
            self._tell(f"{device_id} cannot register itself: {error}")
            return PROVISION_WAIT_SECONDS
        except Exception:
            LOG.exception("%s: sending failed; its readings are kept", device_id)
            return 60.0

    def _provision(self, device_id: str) -> None:
        file = self._credentials / device_id
        if self._fleet and not file.exists():
            provision(self._http, self._base, self._fleet.key, device_id, self._fleet.kind, file)

    def _tell(self, problem: str) -> None:
        if problem not in self._problems and len(self._problems) < MAX_PROBLEMS:
            self._problems.add(problem)
            LOG.warning(problem)

    def _sending(self, device_id: str) -> Sending:
        if device_id not in self._sendings:
            credential = self._credentials / device_id
            connection = Connection(self._http, self._base, device_id, credential, now=_utc_now)
            backoff = Backoff(random.Random())  # noqa: S311 spreads load
            self._sendings[device_id] = Sending(self._store, device_id, connection, backoff)
        return self._sendings[device_id]


def _utc_now() -> datetime:
    return datetime.now(UTC)
