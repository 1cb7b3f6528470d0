import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.gateway.app import create
from apps.gateway.settings import GatewaySettings
from apps.platform.settings import load
from tests.apps.gateway.support import FaultyKinesis, PutFault, as_client, environment
from tests.support.devices import TOKEN, Registry
from tests.support.serving import serving

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the simulator with the token of the stub platform."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, token: Path = tmp_path / "token") -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "apps.simulator", *arguments, "--token-file", str(token)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[str]:
    settings = load(GatewaySettings, environment(tmp_path))
    with (
        serving(create(settings, as_client(FaultyKinesis(PutFault)))) as gateway,
        serving(Registry(gateway).application()) as api,
    ):
        yield api


def report(process: "subprocess.Popen[str]", code: int = 0) -> Any:
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (code, "")
    return json.loads(output)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["run", "--rate", "0"], "--rate: '0' is not a number over 0"),
        (["run", "--rate", "fast"], "--rate: 'fast' is not a number over 0"),
        (["run", "--devices", "1.5"], "--devices: '1.5' is not a whole number from 1 on"),
        (["run", "--fault", "rust"], "'rust' is not KIND[:DEVICE][@START+DURATION] with KIND one of drift"),
        (
            ["run", "--fault", "drift:sim-powr-*"],
            "no device is called like 'sim-powr-*': they are sim-temperature-001 to",
        ),
        (["run", "--api", "localhost"], "--api: 'localhost' is not like http://127.0.0.1:8080"),
        (["run", "--prefix", "a b"], "--prefix: 'a b' is not made of letters"),
        (["load", "--duplicates", "2"], "--duplicates: '2' is not a share from 0 to 1"),
        (["replay"], "the following arguments are required: CSV"),
        (["replay", "nowhere.csv"], "nowhere.csv: No such file or directory"),
        (["replay", "LICENSE"], "LICENSE, the first line must name the columns timestamp and value"),
        (["replay", "a.csv", "b.csv", "--device", "d"], "--device names one device"),
        (["replay", "x/a.csv", "y/a.csv"], "the same name"),
        (["replay", "a.csv", "--metric", "T"], "--metric: 'T' is not a metric"),
        (["replay", "a.csv", "--speed", "-1"], "--speed: '-1' is not a number over 0"),
    ],
)
def test_bad_arguments_end_with_code_2_and_one_line(start: Start, arguments: list[str], line: str) -> None:
    process = start(*arguments)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == ""
    assert line in errors
    assert errors.count("\n") == 1


def test_a_token_file_that_is_missing_is_named(start: Start, tmp_path: Path) -> None:
    process = start("run", token=tmp_path / "nowhere")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (2, f"simulator: {tmp_path / 'nowhere'}: No such file or directory\n")


def test_a_wrong_token_ends_with_code_1_and_what_to_do(start: Start, api: str, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    process = start("run", "--api", api, token=tmp_path / "wrong")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == f"simulator: {api} does not know the operator token: give its file with --token-file\n"


def test_a_load_states_the_distinct_readings_exactly(start: Start, api: str) -> None:
    mixed = ("--duplicates", "0.1", "--malformed", "0.05")
    counted = report(start("load", "--api", api, "--readings", "20000", *mixed))
    assert counted["distinct"] == 20_000
    assert counted["refused"] > 500
    assert counted["sent"] == counted["accepted"] + counted["refused"] > 22_000


def test_a_run_ends_after_its_duration_with_all_of_its_readings(start: Start, api: str) -> None:
    counted = report(start("run", "--api", api, "--devices", "4", "--rate", "60", "--duration", "2", "--every", "0.2"))
    assert counted["distinct"] == counted["sent"] == 120


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_reports_what_it_did(start: Start, api: str, tmp_path: Path, number: signal.Signals) -> None:
    progress = tmp_path / "progress.json"
    process = start("run", "--api", api, "--rate", "100", "--progress-file", str(progress), "--every", "0.1")
    while not progress.exists() or json.loads(progress.read_text())["accepted"] == 0:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    counted = report(process)
    assert counted["accepted"] == counted["sent"] > 0
    assert json.loads(progress.read_text()) == counted


def test_files_are_replayed_a_device_each(start: Start, api: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        rows = "".join(f"2014-02-14 14:{minute}:00,{minute}\n" for minute in range(10, 60))
        (tmp_path / f"{name}.csv").write_text(f"timestamp,value\n{rows}")
    files = [str(tmp_path / f"{name}.csv") for name in ("a", "b")]
    counted = report(start("replay", "--api", api, *files, "--speed", "100000", "--every", "0.1", "--from", "now"))
    assert (counted["devices"], counted["distinct"]) == (2, 100)


def test_gaps_of_a_file_are_left_out_and_reported(start: Start, api: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "timestamp,value\n2014-02-14 14:00:00,1\n2014-02-14 14:01:00,\n2014-02-14 14:02:00,nan\n"
    )
    counted = report(start("replay", "--api", api, str(tmp_path / "a.csv"), "--every", "0.1", "--from", "now"))
    assert (counted["distinct"], counted["left_out"]) == (1, 2)


def test_a_file_that_is_older_than_what_is_kept_is_not_replayed_into_the_void(
    start: Start, api: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("timestamp,value\n2014-02-14 14:00:00,1\n")
    _, errors = start("replay", "--api", api, str(tmp_path / "a.csv")).communicate(timeout=60)
    assert "a has readings since 2014-02-14, and the platform keeps none from before" in errors
    assert "--from now" in errors


def test_help_tells_the_faults_and_what_is_reported(start: Start) -> None:
    output, _ = start("run", "--help").communicate(timeout=60)
    for word in ("drift", "spike", "dropout", "late", "duplicate", "malformed", "distinct", "exit code"):
        assert word in output
