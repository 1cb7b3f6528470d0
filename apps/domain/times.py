"""Times that are written as a number, told by their size."""

import re
from datetime import UTC, datetime

_UNITS = ((1e11, 1, "seconds"), (1e14, 1_000, "milliseconds"), (1e17, 1_000_000, "microseconds"))


def epoch_advice(text: str) -> str | None:
    """Return what to write instead of a number since 1970; None where the text is no such number.

    Between 1973 and 2286 the number of digits tells seconds, milliseconds, microseconds and nanoseconds apart.
    """
    if not re.fullmatch(r"\s*[+-]?\d{9,20}(\.\d*)?\s*", text):
        return None
    number = float(text)
    divisor, unit = next(
        ((divisor, unit) for below, divisor, unit in _UNITS if abs(number) < below), (1_000_000_000, "nanoseconds")
    )
    try:
        moment = datetime.fromtimestamp(number / divisor, UTC)
    except (OverflowError, ValueError, OSError):
        return "write it as 2026-11-20T02:00:00Z"
    shown = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")
    return f"it looks like {unit} since 1970, write {shown}"
