"""How often healthy sensors make the detector tell somebody: `python -m bench.quiet`.

The simulator's sensors, a value a minute, through the rarity rule's own learning in points of so many minutes. Nothing
is wrong with any of them, so every alert is a false one.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from apps.detector.models import Point
from apps.detector.rarity import Rarity
from apps.detector.rarity_rule import RESOLVE_AFTER_POINTS
from apps.detector.state import SignalState
from apps.domain.alerts import REOPEN_WITHIN
from apps.simulator.sensors import KINDS, Sensor, sensor_values

START = datetime(2026, 10, 1, tzinfo=UTC)
SENSORS = tuple((kind, sensor) for kind, sensors in KINDS.items() for sensor in sensors)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.quiet", description=__doc__)
    parser.add_argument("--sensors", type=int, default=120, help="how many, of all kinds by turns (120)")
    parser.add_argument("--days", type=int, default=30, help="simulated days (30)")
    parser.add_argument("--minutes", type=int, default=5, help="that a point sums up (5, in the local stack 1)")
    arguments = parser.parse_args()
    alerts: Counter[str] = Counter()
    first_week: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for number in range(arguments.sensors):
        kind, sensor = SENSORS[number % len(SENSORS)]
        name = f"{kind}/{sensor.metric}"
        count[name] += 1
        opened = opening_times(points(sensor, arguments.days, arguments.minutes, random.Random(number)))
        alerts[name] += len(opened)
        first_week[name] += sum(time < START + timedelta(days=7) for time in opened)
    print("| sensor | sensors | alerts in the first week | in all | a sensor and day |")
    print("| --- | --- | --- | --- | --- |")
    for name, sensors in count.items():
        print(
            f"| {name} | {sensors} | {first_week[name]} | {alerts[name]} "
            f"| {alerts[name] / sensors / arguments.days:.4f} |"
        )
    rate = alerts.total() / arguments.sensors / arguments.days
    print(
        f"{alerts.total()} alerts of {arguments.sensors} sensors in {arguments.days} days: {rate:.4f} a sensor and day,"
        f" {rate * 7000:.0f} warnings a week for 1,000 sensors. None is critical, so 0 pages."
    )


def points(sensor: Sensor, days: int, minutes: int, rng: random.Random) -> Iterator[Point]:
    """Yield what the detector sees of a healthy sensor."""
    value = sensor_values(sensor, rng)
    for number in range(days * 1440 // minutes):
        begin = START + timedelta(minutes=minutes * number)
        values = [value(begin + timedelta(minutes=minute)) for minute in range(minutes)]
        end = begin + timedelta(minutes=minutes)
        yield Point(end.timestamp(), sum(values) / len(values), min(values), max(values))


def opening_times(seen: Iterator[Point]) -> list[datetime]:
    """Return when alerts were opened: not while one is open, nor where one is reopened."""
    state = SignalState(Rarity())
    opened: list[datetime] = []
    is_open, over_at = False, START - REOPEN_WITHIN
    for point in seen:
        time = datetime.fromtimestamp(point.time, UTC)
        if state.learn([point]) and not is_open:
            is_open = True
            if time - over_at > REOPEN_WITHIN:
                opened.append(time)
        if is_open and state.consecutive_normal >= RESOLVE_AFTER_POINTS:
            is_open, over_at = False, time
    return opened


if __name__ == "__main__":
    main()
