"""Reading labelled archives."""

import json
import math
from pathlib import Path

import pytest

from bench.nab.archive import ArchiveError, read_archive

ROWS = "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,\n2014-04-01 00:10:00,3.5\n"
WINDOW = [["2014-04-01 00:05:00.000000", "2014-04-01 00:10:00.000000"]]


def make(folder: Path, files: dict[str, str], labels: object) -> Path:
    for name, text in files.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "combined_windows.json").write_text(labels if isinstance(labels, str) else json.dumps(labels))
    return folder


def refuse(notice: str) -> None:
    raise AssertionError(notice)


def test_reads_times_as_utc_values_and_windows_with_both_ends(tmp_path: Path) -> None:
    (series,) = read_archive(make(tmp_path, {"real/one.csv": ROWS}, {"real/one.csv": WINDOW}), refuse)
    assert (series.name, series.category, series.windows) == ("real/one.csv", "real", ((1, 2),))
    assert series.times.tolist() == [1396310400.0, 1396310700.0, 1396311000.0]
    assert series.values[0] == 1
    assert math.isnan(series.values[1])
    assert series.days == pytest.approx(600 / 86_400)


def test_files_and_labels_may_lie_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(ROWS)
    (tmp_path / "combined_windows.json").write_text('{"one.csv": []}')
    assert [series.name for series in read_archive(tmp_path, refuse)] == ["one.csv"]


def test_says_what_it_leaves_out(tmp_path: Path) -> None:
    notices: list[str] = []
    folder = make(tmp_path, {"a.csv": ROWS, "b.csv": ROWS}, {"a.csv": [], "c.csv": []})
    assert [series.name for series in read_archive(folder, notices.append)] == ["a.csv"]
    assert "b.csv" in notices[0]
    assert "c.csv" in notices[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a,b\n1,2\n", "one.csv:1: expected the header timestamp,value", id="header"),
        pytest.param("", "one.csv:1: expected the header timestamp,value", id="empty"),
        pytest.param("timestamp,value\n", "one.csv: holds no rows", id="no rows"),
        pytest.param(ROWS + "2014-04-01 00:15:00,four\n", "one.csv:5: expected a time and a number", id="value"),
        pytest.param(ROWS + "yesterday,4\n", "one.csv:5: expected a time and a number", id="time"),
        pytest.param(ROWS + "2014-04-01 00:15:00\n", "one.csv:5: expected a time and a number", id="columns"),
        pytest.param("timestamp,value\n2015-01-01,1\n", "holds none of its rows", id="window elsewhere"),
    ],
)
def test_names_the_line_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ArchiveError) as error:
        read_archive(make(tmp_path, {"one.csv": text}, {"one.csv": WINDOW}), refuse)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [("{", "not JSON"), ("[]", "expected an object"), ('{"one.csv": [["x", "y"]]}', "expected an object")],
)
def test_explains_labels_that_cannot_be_read(tmp_path: Path, labels: str, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        read_archive(make(tmp_path, {"one.csv": ROWS}, labels), refuse)


def test_explains_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"combined_windows.json: no such file"):
        read_archive(tmp_path, refuse)
    with pytest.raises(ArchiveError, match="holds none of the CSV files"):
        read_archive(make(tmp_path, {}, {"one.csv": []}), print)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    folder = make(tmp_path, {"one.csv": ROWS}, {"one.csv": []})
    (folder / "data" / "one.csv").write_bytes(b"timestamp,value\n\xff\xfe,1\n")
    with pytest.raises(ArchiveError, match=r"one.csv"):
        read_archive(folder, refuse)
