"""A device: what it records is on disk at once, and at the platform as soon as there is a connection."""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from .clock import Clock
from .connection import Connection, Credential
from .credential_file import rotate
from .errors import CredentialError
from .protocol import Backoff
from .readings import check
from .sending import Sending
from .store import MAX_READINGS, Refused, Store

LOG = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(30, connect=10)


@dataclass(frozen=True, slots=True)
class Status:
    """How a device is doing."""

    waiting: int
    """Readings that the platform does not have yet."""
    sent: int
    refused: int
    """Readings that the platform will never take; `Device.refused` tells them."""
    dropped: int
    """Readings that were lost because the store was full."""
    problem: str | None
    """Why nothing could be sent the last time."""
    clock_offset: timedelta
    """How far the platform's clock is ahead of the device's."""


class Device:
    """One device, which sends in a thread of its own while it is open.

    Args:
        base: where the platform is, for example https://sensors.example.com.
        device_id: as it is registered.
        credential: the device's credential, or the file that holds it: a new one that is written there is taken.
        store: the file that readings are kept in.
        every: seconds in which readings are collected before they are sent.
        max_readings: how many the store keeps; beyond that each new one takes the place of the oldest.
        now: the device's clock, in UTC.

    Raises StoreError when the file cannot be used.
    """

    def __init__(
        self,
        base: str,
        device_id: str,
        *,
        credential: Credential,
        store: Path,
        every: float = 1.0,
        max_readings: int = MAX_READINGS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base = base
        self._device_id = device_id
        self._credential = credential
        self._every = every
        self._store = Store(store, max_readings)
        if self._store.damaged:
            LOG.error("the store was damaged and is kept as %s; a new one was begun", self._store.damaged)
        self._clock = Clock(now)
        self._timing = threading.Lock()
        self._http = httpx.Client(timeout=TIMEOUT)
        connection = Connection(
            self._http, base, device_id, credential, now=self._clock.now, tell_time=self._compare_clocks
        )
        self._sending = Sending(self._store, device_id, connection, Backoff(random.Random()))  # noqa: S311 spreads load
        self._wanted = threading.Event()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"sending {device_id}", daemon=True)
        self._thread.start()

    def record(self, metric: str, value: float, ts: datetime | None = None) -> None:
        """Keep a reading, of now unless `ts` says when; it is on the disk when this returns.

        Raises InvalidReadingError for what the platform would refuse.
        """
        # Between taking the time and writing it down, no correction of the clock may come.
        with self._timing:
            reading = check(metric, value, ts or self._clock.now())
            self._store.append(self._device_id, [reading], by_own_clock=ts is None)
        self._wanted.set()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the platform has everything; return whether it has within `timeout` seconds."""
        self._wanted.set()
        with self._changed:
            return self._changed.wait_for(lambda: self._store.waiting(self._device_id) == 0, timeout)

    def rotate_credential(self) -> None:
        """Replace the device's credential in its file by a new one, and revoke the old one. Sending goes on.

        Raises CredentialError, also where the credential is in no file, and UnansweredError: call it again later.
        """
        if isinstance(self._credential, str):
            raise CredentialError("only a credential in a file can be replaced: give its path")
        rotate(self._http, self._base, self._credential)

    def refused(self) -> list[Refused]:
        """Return the readings that the platform will never take and why, the newest first, at most 1,000."""
        return self._store.refused()

    @property
    def status(self) -> Status:
        """How it is doing."""
        return Status(
            waiting=self._store.waiting(self._device_id),
            sent=self._store.count("sent"),
            refused=self._store.count("refused"),
            dropped=self._store.count("dropped"),
            problem=self._sending.problem,
            clock_offset=self._clock.offset,
        )

    def close(self, timeout: float = 5.0) -> None:
        """Try to send what waits for at most `timeout` seconds, and stop. What is not sent is there the next time."""
        if self._stopping.is_set():
            return
        self.flush(timeout)
        self._stopping.set()
        self._wanted.set()
        self._thread.join(TIMEOUT.read)
        self._http.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _compare_clocks(self, server: datetime) -> None:
        with self._timing:
            correction = self._clock.compare(server)
            if correction:
                self._store.correct(correction)
        if correction:
            LOG.warning("the device's clock is wrong by %s: readings get the platform's time", correction)

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            self._wanted.clear()
            # What is recorded meanwhile goes along.
            self._stopping.wait(self._every)
            wait = self._attempt()
            while wait is not None and not self._stopping.wait(wait):
                wait = self._attempt()

    def _attempt(self) -> float | None:
        try:
            wait = self._sending.once()
        except Exception:
            # A thread that ended would leave a device that records for ever and sends nothing.
            LOG.exception("sending failed; readings are kept")
            wait = 60.0
        with self._changed:
            self._changed.notify_all()
        return wait
