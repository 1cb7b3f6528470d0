"""Programs are kept running, given up when they cannot live, and asked how they are."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from local.errors import ProgramFailedError
from local.process.children import Program
from local.process.supervisor import START_SECONDS, Health, Supervisor

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status}); self.end_headers(); self.wfile.write(b"{body}")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


class Logged(list[str]):
    def __contains__(self, text: object) -> bool:
        return any(str(text) in line for line in self)


@pytest.fixture
def logged() -> Logged:
    return Logged()


@pytest.fixture
async def supervisor(logged: Logged) -> AsyncIterator[Supervisor]:
    async with httpx.AsyncClient() as http:
        created = Supervisor(logged.append, http, max_failed_starts=3, restart_delay=0.01)
        yield created
        await created.stop(*created.processes)


def server(tmp_path: Path, status: int = 200, body: str = "") -> Program:
    port = free_port()
    return program(tmp_path, SERVER.format(status=status, body=body, port=port), f"http://127.0.0.1:{port}/ready")


def program(tmp_path: Path, code: str, ready: str | None = None) -> Program:
    return Program(name="part", command=(sys.executable, "-c", code), log=tmp_path / "part.log", ready=ready)


async def test_a_program_is_ready_when_it_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    process = supervisor.supervise(server(tmp_path))
    await supervisor.until_ready("part", seconds=30)
    assert process.healthy


async def test_a_program_fails_when_it_has_had_its_time_to_start_and_not_before(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    process = supervisor.supervise(server(tmp_path, 503, "the database is away"))
    seen = [process.failing]
    process.began -= START_SECONDS
    seen.append(process.failing)
    process.health = Health.READY
    seen.append(process.failing)
    assert seen == [False, True, False]


async def test_a_program_that_is_not_ready_in_time_is_named_with_its_own_reason(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.supervise(server(tmp_path, 503, "the database is away"))
    with pytest.raises(ProgramFailedError, match=r"part was not ready within 2 s.*the database is away.*part\.log"):
        await supervisor.until_ready("part", seconds=2)


async def test_a_program_that_dies_starts_again(supervisor: Supervisor, logged: Logged, tmp_path: Path) -> None:
    process = supervisor.supervise(server(tmp_path))
    await supervisor.until_ready("part", seconds=30)
    assert process.child is not None
    first = process.child.pid
    process.child.process.send_signal(signal.SIGKILL)
    process.became_ready.clear()
    await supervisor.until_ready("part", seconds=30)
    assert process.child.pid != first
    assert process.restarts == 1
    assert "part was killed by SIGKILL" in logged


async def test_a_program_that_cannot_live_ends_the_stack_with_its_last_words(
    supervisor: Supervisor, logged: Logged, tmp_path: Path
) -> None:
    supervisor.supervise(program(tmp_path, "raise SystemExit('the disk is full')", ready="http://127.0.0.1:1/ready"))
    with pytest.raises(ProgramFailedError) as failure:
        await supervisor.until_ready("part", seconds=60)
    assert "part ended with exit code 1" in str(failure.value)
    assert "the disk is full" in str(failure.value)
    assert "part.log" in str(failure.value)
    assert len(logged) == supervisor.max_failed_starts - 1


async def test_the_rest_goes_on_without_a_program_that_it_can_be_without(
    supervisor: Supervisor, logged: Logged, tmp_path: Path
) -> None:
    process = supervisor.supervise(program(tmp_path, "raise SystemExit(1)"), essential=False, restart=False)
    async with asyncio.timeout(30):
        assert process.supervision is not None
        await process.supervision
    assert process.health is Health.FAILED
    assert not supervisor.failed.done()
    assert "the rest goes on without it" in logged


async def test_what_stops_on_request_is_not_started_again(
    supervisor: Supervisor, logged: Logged, tmp_path: Path
) -> None:
    process = supervisor.supervise(server(tmp_path))
    await supervisor.until_ready("part", seconds=30)
    await supervisor.stop("part")
    assert process.child is not None
    assert not process.child.alive
    assert process.health is Health.STOPPED
    assert logged == []


async def test_an_error_that_nobody_expected_ends_the_stack_instead_of_being_swallowed(supervisor: Supervisor) -> None:
    async def broken() -> None:
        raise RuntimeError("nobody handles this")

    supervisor.create_task("statistics", broken())
    async with asyncio.timeout(30):
        assert await supervisor.failed == "statistics: RuntimeError: nobody handles this"


async def test_a_program_that_cannot_even_be_started_ends_the_stack(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.supervise(Program(name="part", command=(str(tmp_path / "nowhere"),), log=tmp_path / "part.log"))
    with pytest.raises(ProgramFailedError, match="part: FileNotFoundError"):
        await supervisor.until_ready("part", seconds=30)
