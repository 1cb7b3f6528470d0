"""How good forecasts are of days that nobody has seen, those of the choice neither.

    python -m bench.forecast [--every DAYS] [--simulator] [FILE...]

Each file is a series as the Numenta Anomaly Benchmark has them (timestamp,value); `--simulator` takes the series that
the simulator's kinds of devices measure, half a year of each. On every so many days the model is chosen from the 42
days before, and the day that follows is compared with what was said of it: the mean absolute error of the chosen model,
in mean changes from one day to the next (MASE) and beside that of the seasonal naive forecast by day, and the part of
the hours that the 80 % band held.
"""

import argparse
import csv
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apps.forecast.backtest import HORIZON, scale
from apps.forecast.choice import forecast
from apps.forecast.history import HOUR, History, history
from apps.forecast.naive import SEASONAL_NAIVE_DAY
from apps.simulator.sensors import KINDS, sensor_values

KEPT = 42 * HORIZON
SIMULATED_DAYS, SEED = 182, 1


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--simulator", action="store_true", help="the series of the simulator's devices")
    options.add_argument(
        "--every", type=int, default=17, help="days between two forecasts: no whole weeks, so that weekdays differ"
    )
    arguments = options.parse_args()
    print("| series | forecasts | by Prophet | MASE | error / seasonal naive | band held | s |")
    print("|---|---|---|---|---|---|---|")
    files = ((path.stem, hourly(path)) for path in arguments.files)
    for name, series in (*files, *(simulated() if arguments.simulator else ())):
        print(f"| {name} | {measure(series, arguments.every * HORIZON)} |", flush=True)


def measure(series: History, every: int) -> str:
    began, errors, scaled, naive, held, models = time.monotonic(), [], [], [], [], []
    for end in range(KEPT, len(series.values) - HORIZON, every):
        known = History(series.first + (end - KEPT) * HOUR, series.values[end - KEPT : end])
        result = forecast(known, known.end)
        if result is None:
            continue
        models.append(result.chosen.model)
        unit = scale(known)
        pairs = zip(result.expected, SEASONAL_NAIVE_DAY.expect(known, HORIZON), strict=True)
        for (expected, as_yesterday), value in zip(pairs, series.values[end : end + HORIZON], strict=True):
            if value is not None:
                errors.append(abs(value - expected))
                scaled += [errors[-1] / unit] if unit else []
                naive.append(abs(value - as_yesterday))
                held.append(errors[-1] <= result.chosen.margin)
    if not errors:
        return "0 | 0 | - | - | - | -"
    ratio = statistics.fmean(errors) / statistics.fmean(naive)
    took = (time.monotonic() - began) / len(models)
    mase = f"{statistics.fmean(scaled):.2f}" if scaled else "-"
    return (
        f"{len(models)} | {models.count('prophet')} | {mase} | {ratio:.2f} | {statistics.fmean(held):.0%} | {took:.1f}"
    )


def hourly(path: Path) -> History:
    hours: dict[datetime, list[float]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
            hours.setdefault(at.replace(minute=0, second=0), []).append(float(row["value"]))
    end = max(hours)
    del hours[end]
    return history({hour: statistics.fmean(values) for hour, values in hours.items()}, end)


def simulated() -> Iterator[tuple[str, History]]:
    """Yield the hourly means of what each kind of device measures each minute."""
    end = datetime(2026, 7, 1, tzinfo=UTC)
    begins = [end - hour * HOUR for hour in range(SIMULATED_DAYS * HORIZON, 0, -1)]
    for kind, sensors in KINDS.items():
        for sensor in sensors:
            value_at = sensor_values(sensor, random.Random(f"{SEED}/{kind}/{sensor.metric}"))
            hours = {
                begin: statistics.fmean(value_at(begin + timedelta(minutes=minute)) for minute in range(60))
                for begin in begins
            }
            yield f"{kind}, {sensor.metric}", history(hours, end)


if __name__ == "__main__":
    main()
