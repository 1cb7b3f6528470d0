"""A run: every forecast that is due, in processes of their own, until all are made or time is over."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

from apps.forecast import store
from apps.forecast.choice import forecast
from apps.forecast.settings import ForecastSettings
from apps.forecast.share import ALL, Share
from apps.storage.connection import Connection

SERIES_AT_A_TIME = 4
"""Of each process: enough that they seldom wait for each other, few enough that histories fit into memory."""


class Run(NamedTuple):
    """What became of the series that were due: forecast, without enough history, left for the next run."""

    forecasted: int
    short: int
    left: int


async def run(
    connection: Connection,
    settings: ForecastSettings,
    now: datetime,
    share: Share = ALL,
    clock: Callable[[], float] = time.monotonic,
) -> Run:
    """Make the forecasts of a share that are due at this time. Raises BrokenExecutor when a process died."""
    ends = clock() + settings.budget_seconds
    due = await store.due(connection, now, timedelta(days=settings.choice_days), share)
    forecasted = short = 0
    # Not forked: Prophet's libraries have threads of their own.
    pool = ProcessPoolExecutor(settings.processes, multiprocessing.get_context("spawn"))
    try:
        size = SERIES_AT_A_TIME * settings.processes
        for start in range(0, len(due), size):
            if clock() >= ends:
                break
            for succeeded in await _batch(connection, pool, settings, due[start : start + size], now):
                forecasted += succeeded
                short += not succeeded
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    await store.drop_over(connection, now)
    left = len(due) - forecasted - short
    await store.record(connection, share, now, left)
    return Run(forecasted, short, left)


async def _batch(
    connection: Connection, pool: ProcessPoolExecutor, settings: ForecastSettings, batch: list[store.Due], now: datetime
) -> list[bool]:
    """Forecast some series, and say of each whether it could be."""
    histories = [await store.read(connection, series, now, settings.history_days) for series in batch]
    loop = asyncio.get_running_loop()
    found = await asyncio.gather(
        *(
            loop.run_in_executor(pool, forecast, history, now, series.chosen)
            for series, history in zip(batch, histories, strict=True)
        )
    )
    for series, result in zip(batch, found, strict=True):
        if result:
            await store.write(connection, series, result, now)
    return [result is not None for result in found]
