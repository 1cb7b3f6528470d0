"""The commands of docs/devices.md, as a reader would paste them, against the real services."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

TEXT = Path("docs/devices.md").read_text()
DEVICE, ROTATION, DIRECT, FLEET, _KIT, SIMULATOR = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
CSV = "timestamp,value\n" + "".join(f"2014-07-01 00:{minute:02}:00,{minute}\n" for minute in range(24))


@pytest.fixture
def running(tmp_path: Path, database: TestDatabase, ministack: KinesisServer, stream: str) -> Iterator[RunningPlatform]:
    with running_platform(database, ministack, stream, tmp_path) as platform:
        yield platform


def paste(running: RunningPlatform, commands: str, folder: Path) -> list[str]:
    token = running.env.secrets / "operator-token"
    (folder / "taxi.csv").write_text(CSV)
    for written, here in {
        "http://127.0.0.1:8080": running.env.url("api"),
        ".cache/local/secrets/operator-token": str(token),
        "python -m": f"{sys.executable} -m",
        "run $how": "run $how --duration 1",
        "taxi.csv": str(folder / "taxi.csv"),
        "--readings 100000": "--readings 2000",
        "load.json": str(folder / "load.json"),
    }.items():
        commands = commands.replace(written, here)
    done = subprocess.run(["bash", "-e", "-c", commands], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.splitlines()


def test_the_documented_commands_do_what_is_said(running: RunningPlatform, tmp_path: Path) -> None:
    if missing := [tool for tool in ("bash", "curl", "jq") if shutil.which(tool) is None]:
        pytest.skip(f"the commands of docs/devices.md need {', '.join(missing)}")
    accepted = json.dumps({"accepted": 1, "refused": []}, separators=(",", ":"))
    # One after the other in one shell, as a reader would.
    first, *rotated, last, label, claimed = paste(
        running, "\necho\n".join([DEVICE, ROTATION + DIRECT, FLEET]), tmp_path
    )
    assert (first, last) == (accepted, accepted)
    assert (label, claimed) == ("roof", "inverter-1")
    assert [datetime.fromisoformat(json.loads(time)) > datetime.now(UTC) for time in rotated] == [True, True]
    reports = [json.loads(line) for line in paste(running, SIMULATOR, tmp_path)]
    assert [report["unknown"] for report in reports] == [0, 0, 0]
    assert reports[1] == json.loads((tmp_path / "load.json").read_text())
    assert (reports[1]["distinct"], reports[2]["distinct"]) == (2_000, 24)
