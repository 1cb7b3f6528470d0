"""How good forecasts are of days that nobody has seen, those of the choice neither.

    python bench/forecast.py [--every DAYS] FILE...

Each file is a series as the Numenta Anomaly Benchmark has them (timestamp,value). On every so many days the model is
chosen from the 42 days before, and the day that follows is compared with what was said of it: the mean absolute error
of the chosen model and of the seasonal naive forecast by day, and the part of the hours that the 80 % band held.
"""

import argparse
import csv
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from apps.forecast.backtest import HORIZON
from apps.forecast.choice import forecast
from apps.forecast.history import HOUR, History, history
from apps.forecast.naive import SEASONAL_NAIVE_DAY

KEPT = 42 * HORIZON


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("files", nargs="+", type=Path)
    options.add_argument(
        "--every", type=int, default=17, help="days between two forecasts: no whole weeks, so that weekdays differ"
    )
    arguments = options.parse_args()
    print("| series | forecasts | by Prophet | error / seasonal naive | band held | s |\n|---|---|---|---|---|---|")
    for path in arguments.files:
        print(f"| {path.stem} | {measure(hourly(path), arguments.every * HORIZON)} |", flush=True)


def measure(series: History, every: int) -> str:
    began, errors, naive, held, models = time.monotonic(), [], [], [], []
    for end in range(KEPT, len(series.values) - HORIZON, every):
        known = History(series.first + (end - KEPT) * HOUR, series.values[end - KEPT : end])
        result = forecast(known, known.end)
        if result is None:
            continue
        models.append(result.chosen.model)
        pairs = zip(result.expected, SEASONAL_NAIVE_DAY.expect(known, HORIZON), strict=True)
        for (expected, as_yesterday), value in zip(pairs, series.values[end : end + HORIZON], strict=True):
            if value is not None:
                errors.append(abs(value - expected))
                naive.append(abs(value - as_yesterday))
                held.append(errors[-1] <= result.chosen.margin)
    if not errors:
        return "0 | 0 | - | - | -"
    ratio = statistics.fmean(errors) / statistics.fmean(naive)
    took = (time.monotonic() - began) / len(models)
    return f"{len(models)} | {models.count('prophet')} | {ratio:.2f} | {statistics.fmean(held):.0%} | {took:.1f}"


def hourly(path: Path) -> History:
    hours: dict[datetime, list[float]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
            hours.setdefault(at.replace(minute=0, second=0), []).append(float(row["value"]))
    end = max(hours)
    del hours[end]
    return history({hour: statistics.fmean(values) for hour, values in hours.items()}, end)


if __name__ == "__main__":
    main()
