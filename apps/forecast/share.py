"""Which series are forecast by which machine, where several share the work."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple


class Share(NamedTuple):
    """The series of one machine of `of`, counted from 0: each series is in the share of exactly one."""

    number: int = 0
    of: int = 1

    def holds(self, device_id: str, metric: str) -> bool:
        """Whether it is this machine that forecasts the series, whatever other series there are."""
        digest = hashlib.sha256(f"{device_id}\0{metric}".encode()).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number


ALL = Share()
"""Where nobody else forecasts."""


def share(file: Path) -> Share:
    """Return this machine's share by what SageMaker wrote of the job's machines; all of it where there is no such file.

    Raises ValueError for a file that does not say it: nothing is better than the wrong part. Source of the format: AWS,
    "How to Build Your Own Processing Container".
    """
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        return ALL
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from None
    match config:
        case {"current_host": str(own), "hosts": [*hosts]} if own in hosts:
            return Share(sorted(hosts).index(own), len(hosts))
    raise ValueError(f"{file} does not say which of the hosts this one is: it needs current_host, and hosts with it")
