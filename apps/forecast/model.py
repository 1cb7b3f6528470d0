"""What every model of a series is."""

from collections.abc import Callable
from typing import NamedTuple

from apps.forecast.history import History


class Model(NamedTuple):
    """A way to say the next hours of a history: `expect(history, hours)`, a value for each hour."""

    name: str
    version: str
    expect: Callable[[History, int], list[float]]
