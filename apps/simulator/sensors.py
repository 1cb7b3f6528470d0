"""What the devices measure: a mean, a daily cycle, and noise that remembers where it was."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of a kind of device, in its own unit."""

    metric: str
    unit: str
    mean: float
    daily: float
    """How far the daily cycle swings about the mean; its top is at 15:00 UTC."""
    noise: float
    """Standard deviation of the noise."""
    lowest: float = -math.inf
    highest: float = math.inf


KINDS: dict[str, tuple[Sensor, ...]] = {
    "temperature": (Sensor("temperature", "°C", mean=21, daily=4, noise=0.3),),
    "humidity": (
        Sensor("humidity", "%", mean=48, daily=-9, noise=1.2, lowest=0, highest=100),
        Sensor("temperature", "°C", mean=20, daily=5, noise=0.3),
    ),
    "vibration": (Sensor("vibration", "mm/s", mean=2.4, daily=0.7, noise=0.25, lowest=0),),
    "power": (
        Sensor("power", "W", mean=1_450, daily=620, noise=45, lowest=0),
        Sensor("voltage", "V", mean=230, daily=-1.5, noise=0.8, lowest=0),
    ),
}
"""Every kind of device with its signals."""

AR1_COEFFICIENT = 0.9
"""How much of its deviation the noise keeps from one value to the next (an AR(1) process)."""


def sensor_values(sensor: Sensor, rng: random.Random) -> Callable[[datetime], float]:
    """Return a function that gives a sensor's value at a time; it must be called in the order of time."""
    mean = sensor.mean * (1 + 0.05 * rng.uniform(-1, 1))
    deviation = rng.gauss(0, sensor.noise)
    step = sensor.noise * math.sqrt(1 - AR1_COEFFICIENT**2)

    def value(ts: datetime) -> float:
        nonlocal deviation
        deviation = AR1_COEFFICIENT * deviation + rng.gauss(0, step)
        hours = ts.hour + ts.minute / 60 + ts.second / 3600
        cycle = sensor.daily * math.cos((hours - 15) / 24 * 2 * math.pi)
        return min(max(mean + cycle + deviation, sensor.lowest), sensor.highest)

    return value
