"""Child processes: each in a session of its own, logged to a file, and gone when this process is gone."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from devtools.paths import ROOT

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER")
"""What a child sees of this process's environment: no credentials and no settings of other projects."""

STOPPED_BY = signal.SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and how to know that it is ready."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    ready: str | None = None
    """URL that answers 200 when it can serve, or tcp://HOST:PORT that accepts a connection."""
    stop_signal: signal.Signals = STOPPED_BY


class Child:
    """A running program."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process, log_offset: int) -> None:
        self.program = program
        self.process = process
        self.log_offset = log_offset

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.returncode is None

    def log_tail(self) -> str:
        """Return the end of what it logged, a line each, indented."""
        return log_tail(self.program.log, self.log_offset)

    async def wait(self) -> int:
        """Wait for its end and return its exit code, negative for a signal."""
        return await self.process.wait()

    async def stop(self, seconds: float = 30) -> None:
        """Ask it to stop, and end it and its children if it does not within `seconds`."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(self.program.stop_signal)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.process.wait()


async def start(program: Program) -> Child:
    """Start a program. Its output is added to its log."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    with program.log.open("ab") as log:
        log_offset = log.tell()
        process = await asyncio.create_subprocess_exec(
            *program.command,
            cwd=program.directory,
            env={**inherited, "PYTHONUNBUFFERED": "1", **program.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_parent if _prctl else None,
        )
    return Child(program, process, log_offset)


async def run_to_completion(program: Program, seconds: float) -> int | None:
    """Run a program to its end and return its exit code, or None when it took longer than `seconds` and was ended."""
    child = await start(program)
    try:
        return await asyncio.wait_for(child.wait(), seconds)
    except TimeoutError:
        return None
    finally:
        if child.alive:
            await child.stop(5)


def log_tail(log: Path, since: int = 0, lines: int = 5) -> str:
    """Return the end of a log from byte `since` on, a line each, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - 8192))
            output = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    readable = [_readable(line) for line in output if line.strip(" ~^")]
    return "".join(f"\n    {line}" for line in readable[-lines:])


def _readable(line: str) -> str:
    # Services log JSON, which is for machines.
    try:
        read = msgspec.json.decode(line, type=_LogLine)
    except msgspec.MsgspecError:
        return line
    return f"{read.level} {read.message}" + (f"\n    {read.exc_info}" if read.exc_info else "")


class _LogLine(msgspec.Struct):
    level: str
    message: str
    exc_info: str = ""


def set_pdeathsig(number: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send this process `number` when its parent dies (Linux; elsewhere nothing happens)."""
    if _prctl:
        _prctl(PR_SET_PDEATHSIG, int(number))


PR_SET_PDEATHSIG = 1
# Looked up here: after a fork nothing may be imported or allocated that another thread might hold a lock on.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _die_with_parent() -> None:
    set_pdeathsig(signal.SIGKILL)
