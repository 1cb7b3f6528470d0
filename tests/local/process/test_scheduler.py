"""Scheduled services run when their cron expression says so."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.platform.declaration import Resources, ScheduledService
from apps.platform.settings import Settings
from local.process.children import Program
from local.process.scheduler import next_run, on_schedule

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [("*/5 * * * *", NOON.replace(minute=5, second=0)), ("15 3 * * *", datetime(2026, 11, 24, 3, 15, tzinfo=UTC))],
)
def test_the_next_run_is_when_the_expression_says(schedule: str, due: datetime) -> None:
    assert next_run(schedule, NOON) == due


def test_a_run_that_is_due_now_is_the_one_after_it() -> None:
    due = next_run("*/5 * * * *", NOON)
    assert next_run("*/5 * * * *", due) == due + timedelta(minutes=5)


async def test_runs_never_overlap_and_a_failed_one_is_said_before_the_next(tmp_path: Path) -> None:
    service = ScheduledService(
        name="job", module="x", settings=Settings, resources=Resources("1m", "1Mi"), schedule="* * * * *",
        deadline_seconds=20,
    )  # fmt: skip
    program = Program(name="job", command=(sys.executable, "-c", "raise SystemExit('no luck')"), log=tmp_path / "log")
    logged: list[str] = []
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await on_schedule(service, program, logged.append, now=lambda: NOON, sleep=sleep)
    assert slept == [30, 30, 30]
    assert len(logged) == 2
    assert "job: exit code 1" in logged[0]
    assert "no luck" in logged[0]
