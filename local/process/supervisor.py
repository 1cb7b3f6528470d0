"""Keeps programs running: restarts one that dies, gives up on one that cannot live, and knows how each one is."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from local.process.children import Child, Program, start

PATIENCE = 5
"""A program that died this often in a row without having become ready is given up."""

LONGEST_PAUSE = 8.0
"""Seconds between two starts, at most."""

KILLED = -signal.SIGKILL
"""The exit code of a program that had no chance to say anything."""

Say = Callable[[str], None]


class Health(StrEnum):
    """How a program is."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "not ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class FailedError(Exception):
    """A program that the platform cannot be without is gone. The text says which, why, and what to do."""


@dataclass(slots=True)
class Kept:
    """A program that is kept running."""

    program: Program
    essential: bool = True
    """The platform ends when it cannot be kept running."""
    restart: bool = True
    health: Health = Health.STARTING
    reason: str = ""
    restarts: int = 0
    child: Child | None = None
    became_ready: asyncio.Event = field(default_factory=asyncio.Event)
    keeper: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether it can serve."""
        return self.health is Health.READY


class Supervisor:
    """Everything that is kept running. `say` tells a person what happened, in one line."""

    def __init__(self, say: Say, http: httpx.AsyncClient, pause: float = 0.5) -> None:
        self.say = say
        self.http = http
        self.pause = pause
        self.kept: dict[str, Kept] = {}
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def keep(self, program: Program, *, essential: bool = True, restart: bool = True) -> Kept:
        """Start a program and keep it running."""
        kept = Kept(program, essential, restart)
        self.kept[program.name] = kept
        kept.keeper = asyncio.create_task(self._keep(kept))
        return kept

    async def until_ready(self, *names: str, seconds: float = 60) -> None:
        """Wait until programs have become ready. Raises FailedError when one does not."""
        waiting = asyncio.create_task(self._all_ready(names))
        either: list[asyncio.Future[Any]] = [waiting, self.failed]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return
        waiting.cancel()
        if self.failed.done():
            raise FailedError(self.failed.result())
        late = next(kept for name in names if not (kept := self.kept[name]).became_ready.is_set())
        raise FailedError(f"{late.program.name} was not ready within {seconds:g} s{_why(late)}; {_see(late.program)}")

    async def watch(self, every: float = 2.0) -> None:
        """Ask everything how it is, again and again."""
        while True:
            await asyncio.gather(*(self._ask(kept) for kept in self.kept.values()))
            await asyncio.sleep(every)

    async def stop(self, *names: str) -> None:
        """Stop programs, at the same time."""
        await asyncio.gather(*(self._stop(self.kept[name]) for name in names if name in self.kept))

    async def _all_ready(self, names: tuple[str, ...]) -> None:
        for name in names:
            await self.kept[name].became_ready.wait()

    async def _keep(self, kept: Kept) -> None:
        died_unready, pause = 0, self.pause
        while True:
            kept.child = child = await start(kept.program)
            started = time.monotonic()
            asking = asyncio.create_task(self._until_first_ready(kept))
            code = await child.wait()
            asking.cancel()
            lived, was_ready = time.monotonic() - started, kept.health in {Health.READY, Health.UNREADY}
            died_unready = 0 if was_ready else died_unready + 1
            pause = self.pause if was_ready else min(pause * 2, LONGEST_PAUSE)
            ended = f"{kept.program.name} {_ended(code)} after {lived:.0f} s"
            if not kept.restart or died_unready >= PATIENCE:
                self._give_up(kept, child, ended)
                return
            kept.health, kept.reason = Health.RESTARTING, ended
            kept.restarts += 1
            self.say(f"{ended}; it starts again in {pause:.1f} s{'' if code == KILLED else child.last_words()}")
            await asyncio.sleep(pause)

    def _give_up(self, kept: Kept, child: Child, ended: str) -> None:
        kept.health, kept.reason = Health.FAILED, ended
        advice = f"{ended} and is not started again; {_see(kept.program)}{child.last_words()}"
        if kept.essential and not self.failed.done():
            self.failed.set_result(advice)
        else:
            self.say(f"{advice}\nthe rest goes on without it")

    async def _until_first_ready(self, kept: Kept) -> None:
        while kept.health is not Health.READY:
            await self._ask(kept)
            await asyncio.sleep(0.1)

    async def _ask(self, kept: Kept) -> None:
        if kept.child is None or not kept.child.alive:
            return
        reason = await self._not_ready(kept.program)
        if reason is None:
            kept.health, kept.reason = Health.READY, ""
            kept.became_ready.set()
        elif kept.health is Health.READY:
            kept.health, kept.reason = Health.UNREADY, reason
        else:
            kept.reason = reason

    async def _not_ready(self, program: Program) -> str | None:
        if program.ready is None:
            return None
        place = urlsplit(program.ready)
        try:
            if place.scheme == "tcp":
                await _accepts(place.hostname, place.port)
                return None
            answer = await self.http.get(program.ready, timeout=5)
        except (OSError, TimeoutError, httpx.HTTPError) as error:
            return f"{type(error).__name__} on {program.ready}"
        if answer.is_success:
            return None
        return " ".join(answer.text.split())[:120] or f"status {answer.status_code} on {program.ready}"

    async def _stop(self, kept: Kept) -> None:
        if kept.keeper:
            kept.keeper.cancel()
        if kept.child and kept.child.alive:
            await kept.child.stop()
        if kept.health is not Health.FAILED:
            kept.health = Health.STOPPED


async def _accepts(host: str | None, port: int | None) -> None:
    async with asyncio.timeout(5):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()


def _ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _why(kept: Kept) -> str:
    return f" ({kept.reason})" if kept.reason else ""


def _see(program: Program) -> str:
    return f"see {program.log}"
