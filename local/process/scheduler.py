"""Runs scheduled services when their cron expression says so, never two runs of one at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from cronsim import CronSim

from apps.platform.declaration import ScheduledService
from local.process.children import Program, log_tail, run_to_completion


async def on_schedule(
    service: ScheduledService,
    program: Program,
    log: Callable[[str], None],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run `program` whenever the service's schedule is due. A run that fails is logged, and the next one comes."""
    while True:
        await sleep((next_run(service.schedule, now()) - now()).total_seconds())
        code = await run_to_completion(program, service.deadline_seconds)
        if code != 0:
            what = f"exit code {code}" if code is not None else f"took longer than {service.deadline_seconds} s"
            log(f"{service.name}: {what}; see {program.log}{log_tail(program.log, lines=1)}")


def next_run(schedule: str, after: datetime) -> datetime:
    """Return the next time, in UTC, at which a cron expression is due."""
    return next(CronSim(schedule, after.astimezone(UTC)))
