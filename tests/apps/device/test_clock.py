from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.device.clock import TOLERANCE, Clock

TRUE = datetime(2026, 11, 26, 12, tzinfo=UTC)


class World:
    """The true time, and a device's clock that is off by `error`."""

    def __init__(self, error: timedelta = timedelta(0)) -> None:
        self.elapsed = timedelta(0)
        self.error = error
        self.clock = Clock(lambda: self.true + self.error, lambda: self.elapsed.total_seconds())

    @property
    def true(self) -> datetime:
        return TRUE + self.elapsed

    def ask(self) -> timedelta:
        return self.clock.compare(self.true.replace(microsecond=0))


def test_a_good_clock_is_followed() -> None:
    world = World(timedelta(seconds=3))
    assert world.ask() == timedelta(0)
    assert world.clock.now() == world.true + timedelta(seconds=3)
    assert not world.clock.is_wrong
    assert abs(world.clock.offset + timedelta(seconds=3)) <= timedelta(seconds=1)


def test_a_clock_that_was_never_set_is_corrected_and_carried_on() -> None:
    world = World(datetime(1970, 1, 1, tzinfo=UTC) - TRUE)
    before = world.clock.now()
    world.elapsed += timedelta(hours=1)
    correction = world.ask()
    assert abs(before + correction - TRUE) < timedelta(seconds=1)
    assert world.clock.is_wrong
    world.elapsed += timedelta(days=3)
    assert abs(world.clock.now() - world.true) < timedelta(seconds=1)
    assert world.ask() == timedelta(0)


def test_a_clock_that_is_set_before_the_first_answer_corrects_what_was_measured_before() -> None:
    world = World(datetime(1970, 1, 1, tzinfo=UTC) - TRUE)
    before = world.clock.now()
    world.error = timedelta(0)
    world.elapsed += timedelta(minutes=1)
    assert abs(before + world.ask() - TRUE) < timedelta(seconds=1)
    assert not world.clock.is_wrong


def test_a_good_clock_that_jumps_is_not_followed_until_it_is_right_again() -> None:
    world = World()
    world.ask()
    world.error = timedelta(hours=-2)
    assert world.clock.now() == world.true
    assert world.ask() == timedelta(0)
    world.error = timedelta(0)
    assert world.clock.now() == world.true
    assert not world.clock.is_wrong


@given(st.lists(st.tuples(st.floats(-1e7, 1e7), st.floats(0, 1e6), st.booleans()), min_size=1, max_size=20))
def test_right_after_an_answer_the_time_is_right_whatever_the_clock_did(steps: list[tuple[float, float, bool]]) -> None:
    world = World()
    for error, elapsed, asks in steps:
        world.error = timedelta(seconds=error)
        world.elapsed += timedelta(seconds=elapsed)
        if asks:
            world.ask()
            assert abs(world.clock.now() - world.true) <= TOLERANCE + timedelta(seconds=1)
