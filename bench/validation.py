"""One page of readings decoded, validated and encoded by msgspec and by pydantic: the ratio is what ADR 11 rests on.

python -m bench.validation [--rows 100] [--seconds 2]
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from pydantic import BaseModel, Field

from apps.api.operation import Page
from apps.domain.devices import DEVICE_ID_PATTERN
from apps.domain.readings import DeviceReading

METRIC_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"


class PydanticReading(BaseModel, frozen=True, extra="forbid"):
    """What `DeviceReading` checks."""

    # The pattern without its look-ahead, which pydantic's own engine does not have: if anything, that is less work.
    device_id: Annotated[str, Field(pattern=DEVICE_ID_PATTERN.replace(r"(?!\n)", ""))]
    metric: Annotated[str, Field(pattern=METRIC_PATTERN)]
    ts: datetime
    value: Annotated[float, Field(ge=-1e300, le=1e300)]


class PydanticPage(BaseModel, frozen=True):
    """What `Page[DeviceReading]` holds."""

    items: list[PydanticReading]
    next_cursor: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100, help="readings of a page")
    parser.add_argument("--seconds", type=float, default=2, help="time for each figure")
    options = parser.parse_args()
    page = msgspec.json.encode(Page([_reading(number) for number in range(options.rows)]))
    decoder = msgspec.json.Decoder(Page[DeviceReading])
    decoded, validated = decoder.decode(page), PydanticPage.model_validate_json(page)
    print(f"{'':<10}{'msgspec us':>12}{'pydantic us':>13}{'ratio':>8}")
    for name, ours, theirs in (
        ("decode", lambda: decoder.decode(page), lambda: PydanticPage.model_validate_json(page)),
        ("encode", lambda: msgspec.json.encode(decoded), lambda: validated.model_dump_json().encode()),
        (
            "both",
            lambda: msgspec.json.encode(decoder.decode(page)),
            lambda: PydanticPage.model_validate_json(page).model_dump_json().encode(),
        ),
    ):
        own, other = (_measure(work, options.seconds) for work in (ours, theirs))
        print(f"{name:<10}{own * 1e6:>12.1f}{other * 1e6:>13.1f}{other / own:>8.1f}", flush=True)


def _reading(number: int) -> DeviceReading:
    ts = datetime(2026, 11, 25, tzinfo=UTC) + timedelta(seconds=number)
    return DeviceReading(device_id=f"device-{number % 10}", metric="temperature", ts=ts, value=20 + number / 7)


def _measure(work: Callable[[], object], seconds: float) -> float:
    """Return the seconds of the quickest call: what else the machine does only adds to it."""
    quickest, end = float("inf"), time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        work()
        quickest = min(quickest, time.perf_counter() - began)
    return quickest


if __name__ == "__main__":
    main()
