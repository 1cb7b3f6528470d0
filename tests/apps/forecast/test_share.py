"""Shares of series: what each machine of a job forecasts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.forecast.share import Share, share

SERIES = st.tuples(st.text(max_size=20), st.text(max_size=20))


@given(SERIES, st.integers(1, 50))
def test_each_series_is_in_exactly_one_share(series: tuple[str, str], machines: int) -> None:
    assert [Share(number, machines).holds(*series) for number in range(machines)].count(True) == 1


def test_shares_are_about_as_large() -> None:
    held = [sum(Share(number, 4).holds(f"pump-{n}", "flow") for n in range(4000)) for number in range(4)]
    assert all(900 < count < 1100 for count in held), held


def test_where_sagemaker_wrote_nothing_one_machine_does_all(tmp_path: Path) -> None:
    assert share(tmp_path / "none") == Share(0, 1)


def test_a_machine_finds_itself_among_the_hosts(tmp_path: Path) -> None:
    content = {"current_host": "algo-2", "hosts": ["algo-3", "algo-1", "algo-2"], "network_interface_name": "eth0"}
    (tmp_path / "file").write_text(json.dumps(content))
    assert share(tmp_path / "file") == Share(1, 3)


@pytest.mark.parametrize("text", ["", "[]", '{"hosts": ["a"]}', '{"current_host": "b", "hosts": ["a"]}'])
def test_a_file_that_does_not_say_it_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ValueError, match="file"):
        share(tmp_path / "file")
