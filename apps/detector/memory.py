"""What is remembered of each signal between two runs: one row of `detector_memory` each."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg

from apps.detector.models import Model, Point, Verdict

FORGET = "30 days"
"""The memory of a signal that has been silent for so long is removed."""


class Alarm(NamedTuple):
    """A point that surprised its model enough."""

    point: Point
    verdict: Verdict


@dataclass(slots=True)
class Remembered:
    """A model with how far it got: the time of its last point, and how many ordinary points came in a row since."""

    model: Model
    last: float | None = None
    calm: int = 0

    def learn(self, points: Iterable[Point]) -> list[Alarm]:
        """Judge and learn the points that are newer than the last one, in order. Return the alarms among them."""
        alarms = []
        for point in points:
            if self.last is not None and point.time <= self.last:
                continue
            self.last = point.time
            verdict = self.model.update(point)
            if verdict.score >= self.model.alarm:
                alarms.append(Alarm(point, verdict))
                self.calm = 0
            else:
                self.calm = self.calm + 1 if verdict.familiar else 0
        return alarms


async def load(connection: asyncpg.Connection, model: type[Model], signals: list[str]) -> dict[str, Remembered]:
    """Return what is remembered of each signal: a fresh model where nothing is, or only that of another version."""
    rows = await connection.fetch(
        "SELECT signal, memory FROM detector_memory WHERE signal = ANY($1) AND model = $2 AND model_version = $3",
        signals,
        model.name,
        model.version,
    )
    known: dict[str, Mapping[str, Any]] = {row["signal"]: json.loads(row["memory"]) for row in rows}
    return {signal: _recall(model, known.get(signal)) for signal in signals}


async def save(connection: asyncpg.Connection, remembered: Mapping[str, Remembered]) -> None:
    """Keep what is remembered of each signal."""
    rows = [
        (signal, one.model.name, one.model.version, json.dumps(_memory(one), allow_nan=False))
        for signal, one in remembered.items()
        if one.last is not None
    ]
    await connection.executemany(
        """
        INSERT INTO detector_memory (signal, model, model_version, memory) VALUES ($1, $2, $3, $4)
        ON CONFLICT (signal, model) DO UPDATE
        SET model_version = excluded.model_version, memory = excluded.memory, updated_at = clock_timestamp()
        """,
        rows,
    )


async def forget(connection: asyncpg.Connection) -> None:
    """Remove the memory of signals that are no more."""
    await connection.execute(f"DELETE FROM detector_memory WHERE updated_at < now() - interval '{FORGET}'")  # noqa: S608


def _recall(model: type[Model], memory: Mapping[str, Any] | None) -> Remembered:
    if memory is None:
        return Remembered(model())
    return Remembered(model.recall(memory["model"]), memory["last"], memory["calm"])


def _memory(one: Remembered) -> dict[str, Any]:
    return {"last": one.last, "calm": one.calm, "model": one.model.memory()}
