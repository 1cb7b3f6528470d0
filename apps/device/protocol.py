"""What devices and the platform say to each other (docs/devices.md): what an answer means, how long to wait. Pure.

Every sender of ours follows it, on whatever connection.
"""

import gzip
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

MAX_READINGS = 10_000
"""Of one request."""
MAX_BODY_BYTES = 1_000_000
"""Of one request, as it is sent."""
COMPRESS_FROM_BYTES = 200
"""A shorter body hardly gets smaller."""

URL_SECONDS = 24 * 3600
"""For how long a device asks for an upload URL."""
RENEWAL_SHARE = 0.5
"""A URL is renewed when this share of its life is left, so that an outage of hours goes unnoticed."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The platform has the readings, except those that it will never take: their places in the batch, and why."""

    refused: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retry:
    """What became of the readings is not known, or not yet: send the same again, `after` so many seconds."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Renew:
    """The upload URL is not taken any more: ask for another one, and send the same again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Split:
    """The platform does not take so much at a time, or something in it: send parts."""

    reason: str


Outcome = Accepted | Retry | Renew | Split


@dataclass(frozen=True, slots=True)
class UploadUrl:
    """Where a device may PUT, until when, and the oldest time that is taken."""

    url: str = field(repr=False)
    expires_at: datetime
    readings_since: datetime

    @classmethod
    def read(cls, answer: bytes) -> "UploadUrl":
        """Read the platform's answer. Raises ValueError for something else."""
        try:
            document = json.loads(answer)
            times = (datetime.fromisoformat(document["expires_at"]), datetime.fromisoformat(document["readings_since"]))
            return cls(document["url"], *times)
        except (KeyError, TypeError):
            raise ValueError("the answer holds no upload URL") from None

    def is_due(self, now: datetime, seconds: float = URL_SECONDS) -> bool:
        """Tell whether it is time for another one, which is asked for with a life of so many seconds."""
        return self.expires_at - now < timedelta(seconds=RENEWAL_SHARE * seconds)


def encode(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a body as it is sent, and its headers."""
    headers = {"Content-Type": "application/json"}
    if len(body) < COMPRESS_FROM_BYTES:
        return body, headers
    return gzip.compress(body, 6), headers | {"Content-Encoding": "gzip"}


def read_answer(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Outcome:
    """Return what an answer to a batch of `sent` readings means."""
    if status in {HTTPStatus.ACCEPTED, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return _accepted(body, sent)
    reason = f"status {status}: {problem(body)}"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Renew(reason)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}:
        return Split(reason)
    # Whatever else there is comes from what stands between, and passes.
    return Retry(reason, retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds the answer asks to wait."""
    text = headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return when the platform answered, by its own clock, to the second."""
    try:
        return parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None


@dataclass(slots=True)
class Backoff:
    """How long to wait after one failure more: at random below a bound that doubles, so that a fleet spreads.

    "Full jitter" of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    rng: random.Random
    first: float = 0.5
    longest: float = 300.0
    failures: int = 0

    def wait(self, at_least: float | None = None) -> float:
        """Count a failure and return the seconds to wait."""
        bound = min(self.longest, self.first * 2 ** min(self.failures, 32))
        self.failures += 1
        return max(at_least or 0.0, self.rng.uniform(bound / 10, bound))

    def reset(self) -> None:
        """Begin anew after a success."""
        self.failures = 0


def _accepted(body: bytes, sent: int) -> Outcome:
    try:
        document: dict[str, Any] = json.loads(body)
        refused = {int(item["index"]): str(item["reason"]) for item in document.get("refused", [])}
        for group in document.get("further_refused", []):
            refused |= dict.fromkeys(map(int, group["indexes"]), str(group["reason"]))
        accepted = int(document.get("accepted", 0))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Retry("the answer is not the platform's: something stands between")
    if accepted + len(refused) != sent or not all(0 <= index < sent for index in refused):
        return Retry(f"{sent} readings were sent, and the answer speaks of {accepted + len(refused)}")
    return Accepted(refused)


def problem(body: bytes) -> str:
    """Return what a problem document says (RFC 9457), or the beginning of what was sent instead."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, TypeError, KeyError):
        return body[:200].decode(errors="replace")
