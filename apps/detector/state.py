"""What is kept of each signal between two runs: one row of `detector_memory` each.

The names of the columns and of the JSON keys are stored data. They stay when names in the code change.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg

from apps.detector.models import Model, Point, Score

RETENTION = "30 days"
"""The state of a signal that has been silent for so long is removed."""


class Detection(NamedTuple):
    """A point whose score reached its model's threshold."""

    point: Point
    score: Score


@dataclass(slots=True)
class SignalState:
    """A model with how far it got."""

    model: Model
    last_time: float | None = None
    """Of the last point, in seconds since 1970."""
    consecutive_normal: int = 0
    """Normal points in a row since the last one that was not."""

    def learn(self, points: Iterable[Point]) -> list[Detection]:
        """Score and learn the points that are newer than the last one, in order. Return the detections among them."""
        detections = []
        for point in points:
            if self.last_time is not None and point.time <= self.last_time:
                continue
            self.last_time = point.time
            score = self.model.update(point)
            if score.value >= self.model.threshold:
                detections.append(Detection(point, score))
                self.consecutive_normal = 0
            else:
                self.consecutive_normal = self.consecutive_normal + 1 if score.is_normal else 0
        return detections


async def load(connection: asyncpg.Connection, model: type[Model], signals: list[str]) -> dict[str, SignalState]:
    """Return the state of each signal: a fresh model where nothing is stored, or only that of another version."""
    rows = await connection.fetch(
        "SELECT signal, memory FROM detector_memory WHERE signal = ANY($1) AND model = $2 AND model_version = $3",
        signals,
        model.name,
        model.version,
    )
    stored = {row["signal"]: row["memory"] for row in rows}
    return {
        signal: from_json(model, stored[signal]) if signal in stored else SignalState(model()) for signal in signals
    }


async def save(connection: asyncpg.Connection, states: Mapping[str, SignalState]) -> None:
    """Store the state of each signal that had a point."""
    rows = [
        (signal, state.model.name, state.model.version, to_json(state))
        for signal, state in states.items()
        if state.last_time is not None
    ]
    await connection.executemany(
        """
        INSERT INTO detector_memory (signal, model, model_version, memory) VALUES ($1, $2, $3, $4)
        ON CONFLICT (signal, model) DO UPDATE
        SET model_version = excluded.model_version, memory = excluded.memory, updated_at = clock_timestamp()
        """,
        rows,
    )


async def purge(connection: asyncpg.Connection) -> None:
    """Remove the state of signals that are no more."""
    await connection.execute(f"DELETE FROM detector_memory WHERE updated_at < now() - interval '{RETENTION}'")  # noqa: S608


def from_json(model: type[Model], text: str) -> SignalState:
    """Return the state that `to_json` wrote."""
    stored = json.loads(text)
    return SignalState(model.from_state(stored["model"]), stored["last"], stored["calm"])


def to_json(state: SignalState) -> str:
    """Return a state as it is stored."""
    stored: dict[str, Any] = {
        "last": state.last_time,
        "calm": state.consecutive_normal,
        "model": state.model.state_dict(),
    }
    if state.last_time is not None and (until := state.model.learning_until(state.last_time)):
        stored["learning_until"] = until  # for people: the API shows it
    if state.last_time is not None and (usual := state.model.usual(state.last_time)):
        stored["usual"] = usual  # likewise
    return json.dumps(stored, allow_nan=False)
