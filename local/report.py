"""What a run did, counted: `--report` writes it, and the last line says it."""

from pathlib import Path

import msgspec

from local.measure import Lag, Stored


class SimulatorCounts(msgspec.Struct, frozen=True):
    """What the simulated devices counted, duplicates and malformed readings among it."""

    sent: int
    accepted: int
    refused: int
    distinct: int
    """Accepted readings that were not sent before: so many rows there should be."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run. `sent`, `accepted`, `refused`, `repeated` and `lost` are null when no simulator counted."""

    sent: int | None
    accepted: int | None
    refused: int | None
    repeated: int | None
    """Accepted readings that had been sent before: they are stored once."""
    stored: int
    lost: int | None
    doubled: int
    lag_seconds: dict[str, float | None]
    services: dict[str, bool]
    urls: dict[str, str]

    @property
    def good(self) -> bool:
        """Whether nothing was lost or doubled and every service was healthy."""
        return not self.lost and not self.doubled and all(self.services.values())

    def line(self) -> str:
        """Return the report in one line."""
        unhealthy = [name for name, healthy in self.services.items() if not healthy]
        parts = [
            *([f"sent {self.sent}", f"accepted {self.accepted}{self._repeated()}"] if self.sent else []),
            *([f"refused {self.refused}"] if self.sent else []),
            f"stored {self.stored}",
            *([f"lost {self.lost}"] if self.lost is not None else []),
            f"duplicated {self.doubled}",
            f"p99 lag {_seconds(self.lag_seconds['p99'])}",
            *([f"not healthy: {', '.join(unhealthy)}"] if unhealthy else []),
        ]
        return ", ".join(parts)

    def _repeated(self) -> str:
        return f" ({self.repeated} of them repetitions)" if self.repeated else ""

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")


def report(sent: SimulatorCounts | None, stored: Stored, services: dict[str, bool], urls: dict[str, str]) -> Report:
    """Put together what was sent and what was stored."""
    return Report(
        sent=sent.sent if sent else None,
        accepted=sent.accepted if sent else None,
        refused=sent.refused if sent else None,
        repeated=sent.accepted - sent.distinct if sent else None,
        stored=stored.stored,
        lost=max(0, sent.distinct - stored.stored) if sent else None,
        doubled=stored.duplicates,
        lag_seconds=_rounded(stored.lag),
        services=services,
        urls=urls,
    )


def _rounded(lag: Lag) -> dict[str, float | None]:
    return {name: None if value is None else round(float(value), 3) for name, value in lag._asdict().items()}


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} s"
