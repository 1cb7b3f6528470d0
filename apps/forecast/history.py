"""What a series was like, hour by hour."""

from datetime import datetime, timedelta
from typing import NamedTuple

HOUR = timedelta(hours=1)
DAY = 24
"""Hours."""
WEEK = 7 * DAY


class History(NamedTuple):
    """Means of consecutive hours from `first` on, in the metric's own unit; None for an hour without readings."""

    first: datetime
    values: tuple[float | None, ...]

    @property
    def end(self) -> datetime:
        """When the last hour ended, which is when the first forecast hour begins."""
        return self.first + len(self.values) * HOUR

    @property
    def known(self) -> tuple[float, ...]:
        """The means that there are."""
        return tuple(value for value in self.values if value is not None)

    def until(self, hours: int) -> "History":
        """Return its first hours."""
        return History(self.first, self.values[:hours])


def history(means: dict[datetime, float], end: datetime) -> History:
    """Return a history of these means up to `end`, a full hour; an empty one without any."""
    first = min(means, default=end)
    return History(first, tuple(means.get(first + hour * HOUR) for hour in range((end - first) // HOUR)))
