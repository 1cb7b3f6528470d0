"""The window of time that a request asks for."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from apps.domain.time_bounds import MIN_TIMESTAMP
from apps.domain.windows import Window
from apps.platform.errors import ProblemError

Since = Annotated[datetime, msgspec.Meta(tz=True, description="From this time on, RFC 3339 with a zone")]
Until = Annotated[datetime, msgspec.Meta(tz=True, description="Up to but without this time, RFC 3339 with a zone")]

MAX_TIMESTAMP = datetime(2200, 1, 1, tzinfo=UTC)
"""No reading is from after this time, as none is from before `MIN_TIMESTAMP`."""


def window(since: datetime | None, until: datetime | None) -> Window:
    """Return the window in UTC, as far as readings can be in it.

    Raises ProblemError 400 when it ends before it starts.
    """
    if since is not None and until is not None and since >= until:
        raise ProblemError(400, f"since {since.isoformat()} is not before until {until.isoformat()}: swap them")
    return Window(None if since is None else _within(since), None if until is None else _within(until))


def _within(at: datetime) -> datetime:
    return MIN_TIMESTAMP if at < MIN_TIMESTAMP else MAX_TIMESTAMP if at > MAX_TIMESTAMP else at.astimezone(UTC)
