"""Time and chance come from outside, so that a test can set them."""

import re
from pathlib import Path

import apps.ingestor

ASKS_THE_MACHINE = re.compile(
    r"^import time$|\btime\.(time|monotonic|perf_counter)|datetime\.now\(|random\.[a-z]+\(", re.MULTILINE
)


def test_no_module_but_the_clock_asks_the_machine_for_the_time_or_for_chance() -> None:
    modules = Path(apps.ingestor.__file__).parent.glob("*.py")
    assert [path.name for path in modules if ASKS_THE_MACHINE.search(path.read_text())] == ["clock.py"]
