"""Where readings wait until the platform has them: a bounded file that survives a power cut.

SQLite writes each reading to the disk before `append` returns (write-ahead log, synchronous=FULL:
https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from .errors import StoreError
from .readings import Reading

MAX_READINGS = 1_000_000
"""About 60 MB."""
MAX_REFUSED = 1_000

_TABLES = """
CREATE TABLE IF NOT EXISTS readings (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL, metric TEXT NOT NULL, us INTEGER NOT NULL, value REAL NOT NULL,
  run INTEGER -- in which it got its time from the clock; NULL: its time is fixed
);
CREATE INDEX IF NOT EXISTS readings_device ON readings (device, seq);
CREATE TABLE IF NOT EXISTS refused (
  seq INTEGER PRIMARY KEY,
  device TEXT NOT NULL, metric TEXT NOT NULL, us INTEGER NOT NULL, value REAL NOT NULL,
  reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Waiting(NamedTuple):
    """A reading in the store, and its place there: later ones have higher places."""

    seq: int
    reading: Reading


class Refused(NamedTuple):
    """A reading that the platform will never take, and why."""

    device_id: str
    reading: Reading
    reason: str


class Store:
    """The file at `path`, of at most `max_readings`; beyond that each new reading takes the place of the oldest.

    One process at a time may hold it. Raises StoreError when the file cannot be used; one that is damaged is put aside
    under another name, and told by `damaged`.
    """

    def __init__(self, path: Path, max_readings: int = MAX_READINGS) -> None:
        if max_readings < 1:
            raise StoreError(f"a store holds at least one reading, not {max_readings}")
        self._path = path
        self._max = max_readings
        self._lock = threading.Lock()
        self.damaged: Path | None = None
        """Where a damaged file was put."""
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(f"{path} cannot be used: {error}. Is another process using it?") from None
            self.damaged = self._put_aside()
            self._db = self._open()
        (self._count,) = self._db.execute("SELECT count(*) FROM readings").fetchone()
        with self._db:
            self._add("runs", 1)
        self._run = self.count("runs")

    def append(self, device_id: str, readings: Sequence[Reading], *, by_own_clock: bool) -> None:
        """Keep readings, which are on the disk when this returns. `by_own_clock`: their time may be corrected later."""
        run = self._run if by_own_clock else None
        rows = [(device_id, reading.metric, _microseconds(reading.ts), reading.value, run) for reading in readings]
        with self._lock, self._db:
            self._db.executemany("INSERT INTO readings (device, metric, us, value, run) VALUES (?, ?, ?, ?, ?)", rows)
            over = self._count + len(rows) - self._max
            if over > 0:
                self._db.execute(
                    "DELETE FROM readings WHERE seq IN (SELECT seq FROM readings ORDER BY seq LIMIT ?)", (over,)
                )
                self._add("dropped", over)
            self._count += len(rows) - max(0, over)

    def take(self, device_id: str, count: int) -> list[Waiting]:
        """Return the readings of a device that wait longest, to be sent: from now on their times are fixed.

        Whether a request arrived is not always known, and the same reading at two times would be stored twice.
        """
        with self._lock, self._db:
            rows = self._db.execute(
                "SELECT seq, metric, us, value FROM readings WHERE device = ? ORDER BY seq LIMIT ?", (device_id, count)
            ).fetchall()
            if rows:
                self._db.execute(
                    "UPDATE readings SET run = NULL WHERE device = ? AND seq <= ? AND run IS NOT NULL",
                    (device_id, rows[-1][0]),
                )
        return [Waiting(seq, _reading(metric, us, value)) for seq, metric, us, value in rows]

    def settle(self, device_id: str, batch: Sequence[Waiting], refused: Mapping[int, str]) -> None:
        """Forget a batch that the platform has, and keep what it refuses apart, by its place in the batch."""
        lost = [
            (
                entry.seq,
                device_id,
                entry.reading.metric,
                _microseconds(entry.reading.ts),
                entry.reading.value,
                refused[index],
            )
            for index, entry in enumerate(batch)
            if index in refused
        ]
        with self._lock, self._db:
            done = self._db.executemany(
                "DELETE FROM readings WHERE seq = ?", [(entry.seq,) for entry in batch]
            ).rowcount
            self._db.executemany("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?, ?)", lost)
            self._db.execute(
                "DELETE FROM refused WHERE seq NOT IN (SELECT seq FROM refused ORDER BY seq DESC LIMIT ?)",
                (MAX_REFUSED,),
            )
            self._add("sent", len(batch) - len(lost))
            self._add("refused", len(lost))
            self._count -= done

    def correct(self, by: timedelta) -> None:
        """Correct the times that came from the clock since the store was opened, unless they are fixed."""
        with self._lock, self._db:
            self._db.execute("UPDATE readings SET us = us + ? WHERE run = ?", (by // _MICROSECOND, self._run))

    def waiting(self, device_id: str | None = None) -> int:
        """Return how many readings wait, of one device or of all."""
        if device_id is None:
            return int(self._count)
        with self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM readings WHERE device = ?", (device_id,)).fetchone()
        return int(count)

    def devices(self) -> list[str]:
        """Return the devices of which readings wait."""
        with self._lock:
            return [device for (device,) in self._db.execute("SELECT DISTINCT device FROM readings ORDER BY device")]

    def refused(self) -> list[Refused]:
        """Return what the platform will never take, the newest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT device, metric, us, value, reason FROM refused ORDER BY seq DESC"
            ).fetchall()
        return [Refused(device, _reading(metric, us, value), reason) for device, metric, us, value, reason in rows]

    def count(self, name: str) -> int:
        """Return how many readings were ever `sent`, `refused` or `dropped`, and how many `runs` there were."""
        with self._lock:
            row = self._db.execute("SELECT count FROM counts WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._db.close()

    def _add(self, name: str, count: int) -> None:
        self._db.execute(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
            (name, count),
        )

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=2, check_same_thread=False)
        try:
            db.executescript(
                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES
            )
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _put_aside(self) -> Path:
        numbers: Iterable[int] = range(1, 1_000_000)
        aside = next(
            path
            for number in numbers
            if not (path := self._path.with_name(f"{self._path.name}.damaged-{number}")).exists()
        )
        self._path.rename(aside)
        for end in ("-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        return aside


def _microseconds(ts: datetime) -> int:
    return (ts - _EPOCH) // _MICROSECOND


def _reading(metric: str, us: int, value: float) -> Reading:
    return Reading(metric, _EPOCH + us * _MICROSECOND, value)
