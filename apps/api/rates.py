"""How often one device, fleet or person may ask: each for itself, so that one that asks without end costs nobody else
anything, and is told so.

Counted in this process: over several, somebody whose requests are spread has as many times the rate.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from apps.platform.errors import ProblemError
from apps.platform.token_bucket import TokenBucket

MAX_REMEMBERED = 100_000
"""Who asked lately. Beyond, who asked longest ago is forgotten, and has the whole rate again."""


class Rate(NamedTuple):
    """So many requests at once, and so many a minute in the long run."""

    burst: int
    per_minute: float


class Rates:
    """Counts requests. `monotonic` tells the time in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._buckets: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()

    def count(self, what: str, who: str, rate: Rate) -> None:
        """Take in that somebody asks for something. Raises ProblemError 429 when it is more than `rate`."""
        now = self._monotonic()
        bucket = self._buckets.setdefault((what, who), TokenBucket(rate.burst, now))
        self._buckets.move_to_end((what, who))
        if len(self._buckets) > MAX_REMEMBERED:
            self._buckets.popitem(last=False)
        if wait := bucket.take(1, now=now, per_second=rate.per_minute / 60, burst=rate.burst):
            seconds = math.ceil(wait)
            text = f"{who} asks more than {rate.per_minute:g} times a minute: ask again in {seconds} s"
            raise ProblemError(429, text, headers={"Retry-After": str(seconds)}, limit=what)
