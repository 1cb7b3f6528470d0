"""Children: stopped when asked, gone when this process is gone, and heard."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.process.children import Program, log_tail, run_to_completion, start

ROOT = Path(__file__).parents[3]

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")


def program(tmp_path: Path, code: str, **options: Any) -> Program:
    return Program(name="child", command=(sys.executable, "-c", code), log=tmp_path / "child.log", **options)


async def until_logged(log: Path, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in log_tail(log):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.02)


async def test_a_child_is_stopped_by_its_own_signal(tmp_path: Path) -> None:
    code = "import signal,sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print('up'); signal.pause()"
    child = await start(program(tmp_path, code, stop_signal=signal.SIGINT))
    await until_logged(child.program.log, "up")
    await child.stop()
    assert await child.wait() == 7


async def test_a_child_that_does_not_listen_is_ended_together_with_its_own_children(tmp_path: Path) -> None:
    code = (
        "import signal,subprocess,sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('grandchild', subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid);"
        "signal.pause()"
    )
    child = await start(program(tmp_path, code))
    await until_logged(child.program.log, "grandchild")
    grandchild = psutil.Process(int(child.program.log.read_text().split()[1]))
    await child.stop(seconds=0.2)
    assert await child.wait() == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        await asyncio.to_thread(grandchild.wait, 20)


async def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    assert await run_to_completion(program(tmp_path, "import time; time.sleep(600)"), seconds=0.2) is None
    assert await run_to_completion(program(tmp_path, "raise SystemExit(3)"), seconds=20) == 3


@linux
def test_children_are_gone_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = f"""
import asyncio, os, signal, sys
from pathlib import Path
from local.process.children import Program, start
async def main():
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    child = await start(Program(name="child", command=command, log=Path({str(tmp_path)!r}) / "log"))
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    killed = subprocess.run([sys.executable, "-c", parent], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(killed.stdout)).wait(20)


async def test_a_child_sees_no_credentials_of_the_person_who_started_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.setenv("DATABASE_USER", "mine")
    code = "import os; print(sorted(os.environ))"
    await run_to_completion(program(tmp_path, code, environment={"GIVEN": "1"}), seconds=20)
    seen = (tmp_path / "child.log").read_text()
    assert "'GIVEN'" in seen
    assert "'PATH'" in seen
    assert "AWS" not in seen
    assert "DATABASE" not in seen


def test_the_end_of_a_log_is_what_was_said_since_the_last_start_in_words_for_people(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    since = log.stat().st_size
    with log.open("a") as file:
        file.write('{"level": "ERROR", "message": "no table", "logger": "x"}\n    ^^^^\nRuntimeError: broken\n')
    assert log_tail(log, since) == "\n    ERROR no table\n    RuntimeError: broken"
    assert log_tail(tmp_path / "missing") == ""
