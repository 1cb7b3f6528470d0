from datetime import datetime, timedelta, timezone

import pytest

from apps.api.windows import MAX_TIMESTAMP, window
from apps.domain.time_bounds import MIN_TIMESTAMP
from apps.platform.errors import ProblemError


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ProblemError, match="400"):
        window(MAX_TIMESTAMP, MIN_TIMESTAMP)
    with pytest.raises(ProblemError, match="400"):
        window(MIN_TIMESTAMP, MIN_TIMESTAMP)


@pytest.mark.parametrize("hours", [-14, 14])
def test_the_ends_of_the_calendar_in_any_zone_are_times_like_others(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    bounds = window(datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone))
    assert (bounds.since, bounds.until) == (MIN_TIMESTAMP, MAX_TIMESTAMP)
