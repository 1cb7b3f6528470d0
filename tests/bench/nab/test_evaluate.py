"""The evaluate command on a small archive."""

import json
import random
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.nab import folds
from bench.nab.__main__ import main
from bench.nab.deformed import COPIES

ROWS = 1200


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two series of noise; one has a fault of 50 rows from row 900 on."""
    source = random.Random(1)
    start = datetime(2014, 4, 1, tzinfo=UTC)
    times = [(start + timedelta(minutes=5 * row)).strftime("%Y-%m-%d %H:%M:%S") for row in range(ROWS)]
    for name in ("quiet", "fault"):
        values = [source.uniform(19, 21) + (60 if name == "fault" and 900 <= row < 950 else 0) for row in range(ROWS)]
        path = tmp_path / "data" / "made" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "timestamp,value\n" + "".join(f"{time},{value}\n" for time, value in zip(times, values, strict=True))
        )
    (tmp_path / "labels").mkdir()
    labels = {"made/quiet.csv": [], "made/fault.csv": [[times[890], times[960]]]}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    return tmp_path


def evaluate(*arguments: str) -> int:
    with pytest.raises(SystemExit) as done:
        sys.exit(main(arguments))
    return int(done.value.code or 0)


def test_tells_what_was_found_and_draws_it(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(str(archive), "--plots", str(tmp_path / "plots")) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    name, rows, windows, found, _, false_alarms, *_ = lines[1].split()
    assert (name, rows, windows, found, false_alarms) == ("made/fault.csv", "1200", "1", "1", "0")
    assert lines[2].split()[:6] == ["made/quiet.csv", "1200", "0", "0", "0", "0"]
    for profile in ("standard", "reward low FP", "reward low FN"):
        assert any(line.startswith(f"NAB {profile}") for line in lines)
    assert "found 1 of 1 windows (recall 1.00)" in printed.out
    assert "0 false alarms = 0.000 per series and day" in printed.out
    assert "s of CPU per million points" in printed.out
    pictures = sorted(path.name for path in (tmp_path / "plots" / "made").iterdir())
    assert pictures == ["fault.png", "quiet.png"]
    assert all((tmp_path / "plots" / "made" / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


def test_the_threshold_for_a_category_is_learnt_on_the_others(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(str(archive))
    assert "learnt on the other categories" not in capsys.readouterr().out
    labels = archive / "labels" / "combined_windows.json"
    windows = json.loads(labels.read_text())
    shutil.copytree(archive / "data" / "made", archive / "data" / "twin")
    labels.write_text(json.dumps(windows | {name.replace("made", "twin"): ranges for name, ranges in windows.items()}))
    evaluate(str(archive))
    assert "learnt on the other categories 9" in capsys.readouterr().out


def test_copies_and_left_out_categories_have_a_table_each(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = archive / "labels" / "combined_windows.json"
    windows = json.loads(labels.read_text())
    shutil.copytree(archive / "data" / "made", archive / "data" / "twin")
    labels.write_text(json.dumps(windows | {name.replace("made", "twin"): ranges for name, ranges in windows.items()}))
    evaluate(str(archive), "--bent")
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines if line.startswith("| ")}
    for name in ("as it is", *COPIES):
        score, recall, *_ = rows[name]
        assert float(score) > 50, name
        assert recall == "1.00", name
    for category in ("made", "twin"):
        threshold, score, recall, *_ = rows[category]
        assert folds.THRESHOLDS[0] <= float(threshold) <= folds.THRESHOLDS[-1]
        assert (float(score) > 50, recall) == (True, "1.00")
    assert rows["**all folds together**"][2] == "1.00"


def test_a_threshold_that_nothing_reaches_finds_nothing(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(str(archive), "--threshold", "100")
    assert "found 0 of 1 windows" in capsys.readouterr().out


def test_an_archive_that_cannot_be_read_ends_with_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(str(tmp_path / "nowhere")) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "combined_windows.json: no such file" in printed.err


@pytest.mark.parametrize("arguments", [["--threshold", "-1"], ["--threshold", "nan"], ["--model", "magic"]])
def test_wrong_options_are_refused(tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(str(tmp_path), *arguments) == 2
    assert "usage:" in capsys.readouterr().err
