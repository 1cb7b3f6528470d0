"""Jobs: their exit codes, and their end when they are told to stop."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest

from apps.platform.errors import ConfigurationError
from apps.platform.process import run_job
from apps.platform.settings import ProcessSettings
from apps.rotation.service import ROTATION


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def exit_code(main: Callable[[ProcessSettings], Awaitable[int | None]]) -> object:
    with pytest.raises(SystemExit) as ended:
        run_job(ROTATION, ProcessSettings, main)
    return ended.value.code


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_a_job_ends_with_the_code_that_it_returns(returned: int | None, code: int) -> None:
    async def job(_: ProcessSettings) -> int | None:
        return returned

    assert exit_code(job) == code


def test_settings_that_a_job_cannot_use_end_it_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    async def job(_: ProcessSettings) -> int | None:
        raise ConfigurationError("X is not set")

    assert exit_code(job) == 2
    assert "rotation: cannot start\nX is not set" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_that_is_told_to_stop_is_cancelled_and_fails(number: signal.Signals) -> None:
    cancelled = []

    async def job(_: ProcessSettings) -> int | None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.append(True)
        return 0

    assert exit_code(job) == 1
    assert cancelled == [True]
