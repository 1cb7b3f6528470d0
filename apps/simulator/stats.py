"""What was sent and what became of it, counted as the gateway answered."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from apps.simulator.fleet import Key, Sample


class Stats:
    """Counts over a run. A reading counts once, however often its request had to be repeated."""

    def __init__(self) -> None:
        self.sent = self.accepted = self.refused = self.distinct = self.unknown = 0
        self.requests = self.retries = 0
        self.latencies = Latencies()
        self.errors: Counter[str] = Counter()
        self._missing: set[tuple[str, Key | None]] = set()

    def answered(self, device_id: str, batch: Sequence[Sample], refused: Mapping[int, str], seconds: float) -> None:
        """Count a batch that the gateway answered after `seconds`, repetitions included."""
        self.requests += 1
        self.latencies.add(seconds)
        self.accepted += len(batch) - len(refused)
        self.refused += len(refused)
        for index, sample in enumerate(batch):
            if index not in refused:
                self._count(device_id, sample)
            elif sample.kind not in {"malformed", "conflict"}:
                self.errors[f"valid reading refused: {refused[index]}"] += 1
                self._missing.add((device_id, sample.key))

    def rejected(self, device_id: str, batch: Sequence[Sample], reason: str) -> None:
        """Count a batch that the gateway will never take."""
        self.requests += 1
        self.refused += len(batch)
        self.errors[reason] += 1
        self._missing.update((device_id, sample.key) for sample in batch if sample.kind == "fresh")

    def gave_up(self, batch: Sequence[Sample]) -> None:
        """Count a batch whose fate was unknown when the run had to end."""
        self.unknown += len(batch)

    def document(self) -> dict[str, Any]:
        """Return the counts."""
        return {
            "requests": self.requests,
            "retries": self.retries,
            "sent": self.sent,
            "accepted": self.accepted,
            "refused": self.refused,
            "distinct": self.distinct,
            "unknown": self.unknown,
            "latency_seconds": {f"p{share}": self.latencies.percentile(share) for share in (50, 95, 99)},
            "errors": dict(self.errors.most_common(20)),
        }

    def _count(self, device_id: str, sample: Sample) -> None:
        if sample.kind == "malformed":
            self.errors["malformed reading accepted"] += 1
        elif sample.kind == "fresh":
            self.distinct += 1
        elif (key := (device_id, sample.key)) in self._missing:
            # A device waits for the answer to one batch before it sends the next: nearly always the first is there.
            self._missing.discard(key)
            self.distinct += 1


class Latencies:
    """A histogram whose buckets are 2 % wide: the memory does not grow with the run."""

    WIDTH = math.log(1.02)

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self._buckets[math.ceil(math.log(max(seconds, 1e-6)) / self.WIDTH)] += 1

    def percentile(self, share: float) -> float | None:
        """Return the seconds that `share` percent do not exceed, to 2 %; None without any."""
        rank = math.ceil(self._buckets.total() * share / 100)
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return round(math.exp(bucket * self.WIDTH), 6)
        return None
