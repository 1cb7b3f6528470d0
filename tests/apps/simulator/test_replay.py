from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.devices import DeviceId
from apps.domain.readings import Metric, Reading
from apps.simulator.errors import ReplayError
from apps.simulator.replay import device_id_of, metric_of, read_csv, replay

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
rows = st.lists(
    st.tuples(st.datetimes(datetime(2014, 1, 1), datetime(2015, 1, 1), timezones=st.just(UTC)), st.floats(-1e9, 1e9)),
    min_size=1,
)


def file(folder: Path, text: str) -> Path:
    path = folder / "data.csv"
    path.write_text(text)
    return path


def test_times_without_a_zone_are_utc_and_others_keep_theirs(tmp_path: Path) -> None:
    path = file(tmp_path, "timestamp,value\n2014-02-14 14:30:00,0.132\n2014-02-14T14:35:00+02:00,-3e2\n")
    assert read_csv(path).rows == [
        (datetime(2014, 2, 14, 14, 30, tzinfo=UTC), 0.132),
        (datetime(2014, 2, 14, 14, 35, tzinfo=timezone(timedelta(hours=2))), -300.0),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the first line must name the columns timestamp and value"),
        ("time,value\n", "the first line must name the columns timestamp and value"),
        ("timestamp,value\n2014-02-14,1\nyesterday,1\n", "line 3: 'yesterday' is no time: write it as"),
        ("timestamp,value\n2014-02-14,high\n", "line 2: 'high' is no number: write"),
        ("timestamp,value\n2014-02-14,inf\n", "line 2: 'inf' is no number"),
        ("timestamp,value\n2014-02-14,1_000\n", "line 2: '1_000' is no number"),
        ("timestamp,value\n2014-02-14,9007199254740993\n", "line 2: '9007199254740993' has more digits"),
        (
            "timestamp,value\n2014-02-14 00:00:00.0000001,1\n",
            "00:00:00.0000001' is no time: a microsecond is",
        ),
        ("timestamp,value\n2014-02-14\n", "line 2: "),
    ],
)
def test_a_file_that_cannot_be_replayed_is_refused_by_line_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ReplayError) as refused:
        read_csv(file(tmp_path, text))
    assert reason in str(refused.value)
    assert "data.csv" in str(refused.value)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("timestamp,value\r\n2026-11-20 02:00:00,94.0\r\n".encode(coding))
    assert read_csv(path).rows == [(datetime(2026, 11, 20, 2, tzinfo=UTC), 94.0)]


@pytest.mark.parametrize("gap", ["", " ", "nan", "NaN", "NULL", "unavailable", "unknown", "n/a"])
def test_a_gap_is_left_out_and_counted(tmp_path: Path, gap: str) -> None:
    lines = ("timestamp,value", "2014-02-14,1", f"2014-02-15,{gap}", "2014-02-16,2", f"2014-02-17,{gap}", "")
    read = read_csv(file(tmp_path, "\n".join(lines)))
    assert ([value for _, value in read.rows], read.gaps) == ([1, 2], 2)


@pytest.mark.parametrize("content", [None, b"timestamp,value\n\xff,1\n", b"\x00"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReplayError, match=r"data\.csv"):
        read_csv(path)


@pytest.mark.parametrize(
    ("name", "device_id", "metric"),
    [
        ("ec2_cpu_utilization_24ae8d.csv", "ec2_cpu_utilization_24ae8d", "ec2_cpu_utilization"),
        ("nyc_taxi.csv", "nyc_taxi", "nyc_taxi"),
        ("TravelTime_387.csv", "TravelTime_387", "traveltime"),
        ("a b (1).csv", "a-b-1", "a_b"),
        ("42.csv", "42", "value"),
    ],
)
def test_device_and_metric_follow_from_the_name(name: str, device_id: str, metric: str) -> None:
    assert device_id_of(Path(name)) == device_id
    assert metric_of(Path(name)) == metric


@given(st.text(st.characters(exclude_characters="/\x00"), min_size=1).filter(lambda name: name not in {".", ".."}))
def test_any_name_gives_a_valid_device_and_metric_or_is_refused(name: str) -> None:
    path = Path(f"{name}.csv")
    msgspec.convert(metric_of(path), Metric)
    try:
        device_id = device_id_of(path)
    except ReplayError:
        return
    msgspec.convert(device_id, DeviceId)


@given(rows, st.floats(0.1, 1e6), st.booleans())
def test_a_replay_keeps_order_and_proportion(read: list[tuple[datetime, float]], speed: float, shift: bool) -> None:
    drawn = list(replay(read, "m", NOW, speed, shift=shift))
    ordered = sorted(read, key=lambda row: row[0])
    assert [sample.due for sample in drawn] == [NOW + (ts - ordered[0][0]) / speed for ts, _ in ordered]
    shown = [msgspec.json.decode(sample.data, type=Reading) for sample in drawn]
    assert [reading.value for reading in shown] == [value for _, value in ordered]
    wanted = [sample.due for sample in drawn] if shift else [ts for ts, _ in ordered]
    assert [reading.ts for reading in shown] == wanted
    assert sum(sample.kind == "fresh" for sample in drawn) == len(set(wanted))
