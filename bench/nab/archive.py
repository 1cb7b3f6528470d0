"""A labelled archive in the format of the Numenta Anomaly Benchmark (NAB).

`data/<category>/<name>.csv` holds `timestamp,value` lines, `labels/combined_windows.json` maps each
`<category>/<name>.csv` to its list of [start, end] windows, both ends included. Times without a zone are UTC.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from apps.domain.csv_file import read_cells, to_time, to_value
from apps.domain.text import decode

LABELS = "combined_windows.json"


class ArchiveError(Exception):
    """An archive that cannot be read. The text names the file, the line and what is expected."""


@dataclass(frozen=True, slots=True)
class LabelledSeries:
    """One labelled series."""

    name: str
    """Category and file name, for example `realTweets/Twitter_volume_AAPL.csv`."""
    times: npt.NDArray[np.float64]
    """Seconds since 1970, in the file's order."""
    values: npt.NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]
    """First and last row of each labelled window."""

    @property
    def category(self) -> str:
        """The folder of the file."""
        return self.name.rpartition("/")[0]

    @property
    def days(self) -> float:
        """Length in days."""
        return float(self.times.max() - self.times.min()) / 86_400


def read_archive(folder: Path, notice: Callable[[str], None]) -> list[LabelledSeries]:
    """Read every labelled CSV file below `folder`, in the order of names. `notice` is told what is left out.

    Files and labels may also lie in `folder` itself. Raises ArchiveError when there is nothing to read or it is wrong.
    """
    data = folder / "data" if (folder / "data").is_dir() else folder
    labels = next((path for path in (folder / "labels" / LABELS, folder / LABELS) if path.is_file()), None)
    if labels is None:
        raise ArchiveError(f"{folder / 'labels' / LABELS}: no such file; it maps each CSV file to its windows")
    windows = _read_windows(labels)
    names = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.csv"))
    if unlabelled := [name for name in names if name not in windows]:
        notice(f"left out, as {labels} has no entry for it (an empty list means no anomaly): {', '.join(unlabelled)}")
    if absent := [name for name in windows if name not in names]:
        notice(f"labelled but not in {data}: {', '.join(absent)}")
    if not (found := [name for name in names if name in windows]):
        raise ArchiveError(f"{data}: holds none of the CSV files that {labels} names")
    return [read_series(data / name, name, windows[name], labels) for name in found]


def read_series(path: Path, name: str, windows: list[tuple[float, float]], labels: Path) -> LabelledSeries:
    """Read one CSV file. A gap, such as an empty value or `nan`, is a missing one.

    Raises ArchiveError with the line that cannot be read, or the window that holds no row.
    """
    times: list[float] = []
    values: list[float] = []
    for line, row in _rows(path):
        try:
            time, value = row
            times.append(seconds(time))
            number = to_value(value)
            values.append(math.nan if number is None else number)
        except ValueError:
            raise ArchiveError(
                f"{path}:{line}: expected a time and a number, as in 2014-04-01 00:05:00,21.5; got {','.join(row)!r}"
            ) from None
    if not times:
        raise ArchiveError(f"{path}: holds no rows below its header")
    stamps = np.array(times)
    ranges = []
    for start, end in sorted(windows):
        inside = np.flatnonzero((stamps >= start) & (stamps <= end))
        if not inside.size:
            raise ArchiveError(f"{labels}: a window of {name} ({_iso(start)} to {_iso(end)}) holds none of its rows")
        ranges.append((int(inside[0]), int(inside[-1])))
    return LabelledSeries(name, stamps, np.array(values), tuple(ranges))


def seconds(text: str) -> float:
    """Return seconds since 1970 of an ISO time; without a zone it is UTC. Raises ValueError."""
    return to_time(text).timestamp()


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        lines = read_cells(decode(path.read_bytes()))
        _, header = next(lines, (1, []))
        if [cell.text.strip() for cell in header] != ["timestamp", "value"]:
            found = ",".join(cell.text for cell in header)
            raise ArchiveError(f"{path}:1: expected the header timestamp,value; got {found!r}")
        for number, cells in lines:
            yield number, [cell.text for cell in cells]
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{path}: {error}") from None


def _read_windows(path: Path) -> dict[str, list[tuple[float, float]]]:
    try:
        labels = json.loads(path.read_text())
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ArchiveError(f"{path}: not JSON: {error}") from None
    try:
        return {name: [(seconds(start), seconds(end)) for start, end in windows] for name, windows in labels.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ArchiveError(f"{path}: expected an object from file to a list of [start, end] times; {error}") from None


def _iso(stamp: float) -> str:
    return datetime.fromtimestamp(stamp, UTC).isoformat(sep=" ")
