"""What goes wrong with devices, on request."""

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

FAULT_SYNTAX = "KIND[:DEVICE][@START+DURATION]"


class FaultKind(StrEnum):
    """What a fault does."""

    DRIFT = "drift"
    SPIKE = "spike"
    SHIFT = "shift"
    STUCK = "stuck"
    NOISY = "noisy"
    UNTIMELY = "untimely"
    DROPOUT = "dropout"
    LATE = "late"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"


MEANINGS: dict[FaultKind, str] = {
    FaultKind.DRIFT: "values creep away, by one standard deviation of the noise every 10 s",
    FaultKind.SPIKE: "some values jump by 25 standard deviations",
    FaultKind.SHIFT: "values lie 8 standard deviations higher",
    FaultKind.STUCK: "the last value comes again and again",
    FaultKind.NOISY: "the noise is five times as strong",
    FaultKind.UNTIMELY: "the daily cycle is 12 h late: the usual values come at unusual hours",
    FaultKind.DROPOUT: "the device measures nothing",
    FaultKind.LATE: "readings arrive 30 s late",
    FaultKind.DUPLICATE: "some readings are sent again 2 s later",
    FaultKind.MALFORMED: "unreadable readings are mixed in",
}

SHARES: dict[FaultKind, float] = {FaultKind.SPIKE: 0.02, FaultKind.DUPLICATE: 0.2, FaultKind.MALFORMED: 0.1}
"""How many of the readings a fault touches, where that is not all of them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of some devices for some time of the run, in seconds since its start."""

    kind: FaultKind
    device: str = "*"
    """A device id, in which `*` and `?` stand for anything."""
    start: float = 0
    duration: float = float("inf")
    share: float = 1

    def affects(self, device_id: str) -> bool:
        """Return whether a device has the fault at some time."""
        return fnmatchcase(device_id, self.device)

    def is_active_at(self, elapsed: float) -> bool:
        """Return whether it is there at that time."""
        return self.start <= elapsed < self.start + self.duration


def parse_fault(text: str) -> Fault:
    """Read `KIND[:DEVICE][@START+DURATION]`. Raises ValueError that says what is allowed."""
    parts = re.fullmatch(r"([a-z]+)(?::([^@]+))?(?:@([0-9.]+)\+([0-9.]+))?", text)
    try:
        if parts is None:
            raise ValueError("")
        kind = FaultKind(parts[1])
        start, duration = (float(parts[3]), float(parts[4])) if parts[3] else (0.0, float("inf"))
    except ValueError:
        raise ValueError(
            f"{text!r} is not {FAULT_SYNTAX} with KIND one of {', '.join(FaultKind)} and START, DURATION in seconds"
        ) from None
    return Fault(kind, parts[2] or "*", start, duration, SHARES.get(kind, 1))
