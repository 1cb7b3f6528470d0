"""Keeps programs running: restarts one that dies, gives up on one that cannot live, and knows the health of each."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from local.errors import ProgramFailedError
from local.process.children import Child, Program, start

KILLED = -signal.SIGKILL
"""The exit code of a program that had no chance to say anything."""

START_SECONDS = 60.0
"""How long a program may take until it is ready for the first time."""

Log = Callable[[str], None]


class Health(StrEnum):
    """The health of a program."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "not ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True)
class SupervisedProcess:
    """A program that is kept running, and how it is."""

    program: Program
    essential: bool = True
    """The platform ends when it cannot be kept running."""
    restart: bool = True
    health: Health = Health.STARTING
    reason: str = ""
    restarts: int = 0
    began: float = field(default_factory=time.monotonic)
    child: Child | None = None
    became_ready: asyncio.Event = field(default_factory=asyncio.Event)
    supervision: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether it can serve."""
        return self.health is Health.READY

    @property
    def failing(self) -> bool:
        """Whether it cannot serve though it has had its time to start."""
        still_starts = self.health is Health.STARTING and time.monotonic() - self.began < START_SECONDS
        return not (self.healthy or still_starts)


class Supervisor:
    """Everything that is kept running.

    `log` tells a person what happened. A program that died `max_failed_starts` times in a row without having become
    ready is given up. Between two starts it waits `restart_delay` seconds, twice as long each time, up to
    `max_restart_delay`.
    """

    def __init__(
        self,
        log: Log,
        http: httpx.AsyncClient,
        *,
        max_failed_starts: int = 5,
        restart_delay: float = 0.5,
        max_restart_delay: float = 8.0,
    ) -> None:
        self.log = log
        self.http = http
        self.max_failed_starts = max_failed_starts
        self.restart_delay = restart_delay
        self.max_restart_delay = max_restart_delay
        self.processes: dict[str, SupervisedProcess] = {}
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def supervise(self, program: Program, *, essential: bool = True, restart: bool = True) -> SupervisedProcess:
        """Start a program and keep it running."""
        process = self.processes[program.name] = SupervisedProcess(program, essential, restart)
        process.supervision = self.create_task(program.name, self._keep_running(process))
        return process

    def create_task(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` beside everything else. An error that it does not handle itself ends the platform."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._report_error)
        return task

    async def until_ready(self, *names: str, seconds: float = START_SECONDS) -> None:
        """Wait until programs have become ready. Raises ProgramFailedError when one does not."""
        waiting = asyncio.create_task(self._all_ready(names))
        either: list[asyncio.Future[Any]] = [waiting, self.failed]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            await waiting
            return
        waiting.cancel()
        if self.failed.done():
            raise ProgramFailedError(self.failed.result())
        late = next(process for name in names if not (process := self.processes[name]).became_ready.is_set())
        raise ProgramFailedError(
            f"{late.program.name} was not ready within {seconds:g} s{_why(late)}; {_see(late.program)}"
        )

    async def watch(self, every: float = 2.0) -> None:
        """Check the health of everything, again and again."""
        while True:
            await asyncio.gather(*(self._check(process) for process in self.processes.values()))
            await asyncio.sleep(every)

    async def stop(self, *names: str) -> None:
        """Stop programs, at the same time."""
        await asyncio.gather(*(self._stop(self.processes[name]) for name in names if name in self.processes))

    async def _all_ready(self, names: tuple[str, ...]) -> None:
        for name in names:
            await self.processes[name].became_ready.wait()

    async def _keep_running(self, process: SupervisedProcess) -> None:
        failed_starts, delay = 0, self.restart_delay
        while True:
            process.child = child = await start(process.program)
            started = time.monotonic()
            readiness = self.create_task(f"{process.program.name}'s readiness", self._until_first_ready(process))
            code = await child.wait()
            readiness.cancel()
            lived, was_ready = time.monotonic() - started, process.health in {Health.READY, Health.UNREADY}
            failed_starts = 0 if was_ready else failed_starts + 1
            delay = self.restart_delay if was_ready else min(delay * 2, self.max_restart_delay)
            ended = f"{process.program.name} {_ended(code)} after {lived:.0f} s"
            if not process.restart or failed_starts >= self.max_failed_starts:
                self._give_up(process, child, ended)
                return
            process.health, process.reason = Health.RESTARTING, ended
            process.restarts += 1
            self.log(f"{ended}; it starts again in {delay:.1f} s{'' if code == KILLED else child.log_tail()}")
            await asyncio.sleep(delay)

    def _report_error(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self.failed.done():
            self.failed.set_result(f"{task.get_name()}: {type(error).__name__}: {error}")

    def _give_up(self, process: SupervisedProcess, child: Child, ended: str) -> None:
        process.health, process.reason = Health.FAILED, ended
        advice = f"{ended} and is not started again; {_see(process.program)}{child.log_tail()}"
        if process.essential and not self.failed.done():
            self.failed.set_result(advice)
        else:
            self.log(f"{advice}\nthe rest goes on without it")

    async def _until_first_ready(self, process: SupervisedProcess) -> None:
        while process.health is not Health.READY:
            await self._check(process)
            await asyncio.sleep(0.1)

    async def _check(self, process: SupervisedProcess) -> None:
        if process.child is None or not process.child.alive:
            return
        reason = await self._not_ready(process.program)
        if reason is None:
            process.health, process.reason = Health.READY, ""
            process.became_ready.set()
        elif process.health is Health.READY:
            process.health, process.reason = Health.UNREADY, reason
        else:
            process.reason = reason

    async def _not_ready(self, program: Program) -> str | None:
        if program.ready is None:
            return None
        url = urlsplit(program.ready)
        try:
            if url.scheme == "tcp":
                await _accepts(url.hostname, url.port)
                return None
            answer = await self.http.get(program.ready, timeout=5)
        except (OSError, TimeoutError, httpx.HTTPError) as error:
            return f"{type(error).__name__} on {program.ready}"
        if answer.is_success:
            return None
        return " ".join(answer.text.split())[:120] or f"status {answer.status_code} on {program.ready}"

    async def _stop(self, process: SupervisedProcess) -> None:
        if process.supervision:
            process.supervision.cancel()
        if process.child and process.child.alive:
            await process.child.stop()
        if process.health is not Health.FAILED:
            process.health = Health.STOPPED


async def _accepts(host: str | None, port: int | None) -> None:
    async with asyncio.timeout(5):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()


def _ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _why(process: SupervisedProcess) -> str:
    return f" ({process.reason})" if process.reason else ""


def _see(program: Program) -> str:
    return f"see {program.log}"
