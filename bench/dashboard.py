"""What the dashboard costs a browser: frames, long tasks, heap, bytes, requests, and the time to the first gauge.

    python -m bench.dashboard [--rate N] [--seconds N] [--warm-up MINUTES] [--minutes N]

The real API and its live updates in front of a throwaway PostgreSQL, the built dashboard as the local stack serves it,
and Chromium. Readings are stored as the ingestor does, four times a second, of 200 devices with two metrics each, after
an hour that is stored before. Each figure has its reference in the same run: frames those of an empty page under the
same load, times that of the document alone over the same network.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from apps.domain.readings import StoredReading
from apps.storage.channels import Channel
from apps.storage.readings import ensure_partitions, register_unknown, store
from devtools import browser as browsers
from devtools.ports import free_port
from local.infrastructure import frontdoor
from local.paths import Paths
from local.process.children import Program
from tests.support import postgres
from tests.support.api import secrets
from tests.support.dashboard import FLAGS, preview, supervised

DEVICES, METRICS = 200, ("temperature", "humidity")
BATCHES_A_SECOND = 4
GAUGES = "?view=gauges&show=200"
FAST_3G = {"offline": False, "latency": 562.5, "downloadThroughput": 180_000, "uploadThroughput": 84_375}
"""As the browser's developer tools name it: what 1.6 Mbit/s and round trips of 150 ms come to."""

WATCHING = """
    window.frames = []; window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((task) => task.duration)))
        .observe({ type: "longtask" });
    const count = (at) => { window.frames.push(at); requestAnimationFrame(count); };
    requestAnimationFrame(count);
    window.firstGauge = new Promise((resolve) => {
        new MutationObserver((_, observer) => {
            if (!document.querySelector("[role=meter]")) return;
            observer.disconnect();
            requestAnimationFrame(() => requestAnimationFrame(resolve));
        }).observe(document, { subtree: true, childList: true });
    });
"""


@dataclass
class Bench:
    """The dashboard in front of a fleet that reports, and a browser."""

    url: str
    browser: Browser

    @asynccontextmanager
    async def visit(self, query: str | None, context: BrowserContext | None = None) -> AsyncIterator[Page]:
        """Open a page in a context, or in one with nothing in its cache; None is an empty page."""
        own = context or await self.browser.new_context(viewport={"width": 1440, "height": 900})
        page = await own.new_page()
        await page.add_init_script(WATCHING)
        try:
            await page.goto("about:blank" if query is None else self.url + query)
            if query is not None:
                await page.evaluate("window.firstGauge")
            yield page
        finally:
            await (page.close() if context else own.close())


async def main(options: argparse.Namespace) -> None:
    """Measure and print, line by line as the table in docs/dashboard.md has it."""
    await frontdoor.build(Paths())
    with tempfile.TemporaryDirectory() as name, postgres.running_server(Path(name) / "postgres") as server:
        folder = Path(name)
        await postgres.make_template(server)
        database = await postgres.copy_template(server)
        connection = await database.connect()
        now = datetime.now(UTC)
        past = [
            reading for minute in range(60, 0, -1) for reading in batch(now - timedelta(minutes=minute), all_series())
        ]
        await ensure_partitions(connection, [*past, *batch(now, all_series())])
        await keep(connection, past)
        port, front = free_port(), free_port()
        api = Program(
            name="api",
            command=(sys.executable, "-m", "apps.api"),
            environment={**database.environment("api"), **secrets(folder), "HTTP_PORT": str(port)},
            log=folder / "api.log",
            ready=f"http://127.0.0.1:{port}/ready",
        )
        url = f"http://127.0.0.1:{port}"
        async with supervised(api, preview(front, url, url, folder)), async_playwright() as playwright:
            program = os.environ.get("BROWSER") or str(browsers.ensure())
            browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            feeding = asyncio.create_task(feed(connection, options.rate))
            bench = Bench(f"http://127.0.0.1:{front}/", browser)
            print(f"Chromium {browser.version}, {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            await first_picture(bench)
            await frames(bench, options.seconds)
            await heap(bench, options.warm_up, options.minutes)
            print(f"load {os.getloadavg()[0]:.1f}")
            feeding.cancel()
            await browser.close()


async def first_picture(bench: Bench) -> None:
    """Print bytes and requests of the first picture, and when the first gauge is there."""
    for name, warm, network in (("cold", False, None), ("warm", True, None), ("fast 3G, cold", False, FAST_3G)):
        times, firsts, documents = [], [], []
        for _ in range(5):
            context = await bench.browser.new_context(viewport={"width": 1440, "height": 900})
            if warm:
                async with bench.visit("?view=gauges", context):
                    pass
            page = await context.new_page()
            await page.add_init_script(WATCHING)
            session = await context.new_cdp_session(page)
            received = await count_received(session)
            if network:
                await session.send("Network.emulateNetworkConditions", network)
            await page.goto(bench.url + "?view=gauges", timeout=120_000)
            times.append(await page.evaluate("window.firstGauge"))
            until_gauge = received.copy()
            firsts.append(await page.evaluate('performance.getEntriesByName("first-contentful-paint")[0].startTime'))
            documents.append(await page.evaluate('performance.getEntriesByType("navigation")[0].responseEnd'))
            await context.close()
        gauge, paint, document = (statistics.median(found) for found in (times, firsts, documents))
        kinds = ", ".join(f"{kind} {size / 1000:.1f} kB" for kind, size in sorted(until_gauge.items()))
        print(
            f"{name}: document {document:.0f} ms, first paint {paint:.0f} ms,"
            f" first gauge {gauge:.0f} ms ({gauge / document:.1f} x), slowest {max(times):.0f} ms; {kinds}"
        )


async def count_received(session: CDPSession) -> Counter[str]:
    """Count from now on what comes over the network: bytes as sent by kind, and requests of the API."""
    received: Counter[str] = Counter()
    kind: dict[str, str] = {}

    def begun(event: Any) -> None:
        path = event["request"]["url"].split("/", 3)[-1]
        kind[event["requestId"]] = path.partition("?")[0] if path.startswith("api/") else event["type"]

    def ended(event: Any) -> None:
        received[kind.get(event["requestId"], "other")] += event["encodedDataLength"]

    session.on("Network.requestWillBeSent", begun)
    session.on("Network.loadingFinished", ended)
    await session.send("Network.enable")
    return received


async def frames(bench: Bench, seconds: int) -> None:
    """Print frames and long tasks with 200 gauges, beside those of an empty page, and what the time goes to."""
    reference = 0.0
    for name, query in (("empty page", None), ("200 gauges", GAUGES)):
        async with bench.visit(query) as page:
            if query:
                await page.get_by_role("meter").nth(199).wait_for()
            session = await page.context.new_cdp_session(page)
            await session.send("Performance.enable", {"timeDomain": "threadTicks"})
            updates = count_updates(session)
            await session.send("Network.enable")
            await asyncio.sleep(10)  # what comes once with the page is not measured
            await page.evaluate("window.frames.length = window.longTasks.length = 0")
            updates.clear()
            before, cpu = await metrics(session), cpu_seconds()
            await asyncio.sleep(seconds)
            after = await metrics(session)
            spent = {kind: value - cpu.get(kind, 0) for kind, value in cpu_seconds().items()}
            seen, tasks = await page.evaluate("[window.frames, window.longTasks]")
        gaps = sorted(later - earlier for earlier, later in pairwise(seen))
        rate = 1000 * len(gaps) / (seen[-1] - seen[0])
        reference = reference or rate
        print(
            f"{name}: {rate:.1f} frames/s ({rate / reference:.2f} x), p99 {gaps[len(gaps) * 99 // 100]:.0f} ms;"
            f" long tasks {len(tasks)}, {sum(tasks):.0f} ms in all, longest {max(tasks, default=0):.0f} ms;"
            f" {sum(updates) / seconds:.0f} updates/s in {len(updates) / seconds:.1f} messages/s"
        )
        parts = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration", "TaskDuration")
        by_part = ", ".join(f"{part} {(after[part] - before[part]) / seconds * 1000:.0f} ms" for part in parts)
        by_process = ", ".join(f"{kind} {value / seconds * 1000:.0f} ms" for kind, value in spent.items() if value > 0)
        print(f"  CPU a second of the page's own thread: {by_part}; of each process: {by_process}")


def count_updates(session: CDPSession) -> list[int]:
    """Return a list to which each message of live readings adds how many it had."""
    updates: list[int] = []

    def came(event: Any) -> None:
        if (found := event["response"]["payloadData"].count('"received_at"')) > 0:
            updates.append(found)

    session.on("Network.webSocketFrameReceived", came)
    return updates


async def heap(bench: Bench, warm_up: float, minutes: float) -> None:
    """Print how the heap grows once a quarter of an hour is full, which is what each gauge remembers."""
    async with bench.visit(GAUGES) as page:
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        points: list[tuple[float, float]] = []
        began = time.monotonic()
        while (passed := (time.monotonic() - began) / 60) < warm_up + minutes:
            await session.send("HeapProfiler.collectGarbage")
            found = await metrics(session)
            points.append((passed, found["JSHeapUsedSize"] / 1e6))
            print(
                f"  {passed:5.1f} min: heap {points[-1][1]:.2f} MB,"
                f" {found['Nodes']:.0f} nodes, {found['JSEventListeners']:.0f} listeners",
                flush=True,
            )
            await asyncio.sleep(20)
    steady = [point for point in points if point[0] >= warm_up]
    if len(steady) > 1:
        slope, _ = statistics.linear_regression(*zip(*steady, strict=True))
        print(f"heap: {points[0][1]:.2f} -> {points[-1][1]:.2f} MB; after {warm_up:g} min {slope * 60:+.2f} MB an hour")


async def metrics(session: CDPSession) -> dict[str, float]:
    """Return what the browser measures of a page."""
    answer = await session.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in answer["metrics"]}


def cpu_seconds() -> dict[str, float]:
    """Return the CPU seconds of this process's children, the browser's by their kind."""
    spent: defaultdict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        try:
            arguments, times = process.cmdline(), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        kinds = [argument.removeprefix("--type=") for argument in arguments if argument.startswith("--type=")]
        spent[kinds[0] if kinds else process.name()] += times.user + times.system
    return spent


def all_series() -> list[tuple[str, str]]:
    """Return every device with each metric."""
    return [(f"sensor-{number:03}", metric) for metric in METRICS for number in range(DEVICES)]


def batch(at: datetime, series: list[tuple[str, str]]) -> list[StoredReading]:
    """Return a reading of each series."""
    return [StoredReading(device, metric, at, round(random.gauss(21, 2), 2), at) for device, metric in series]


async def feed(connection: asyncpg.Connection, rate: int) -> None:
    """Store so many readings a second, of all series by turns."""
    series = all_series()
    began, number = time.monotonic(), 0
    share = rate // BATCHES_A_SECOND
    while True:
        first = number * share
        await keep(connection, batch(datetime.now(UTC), [series[n % len(series)] for n in range(first, first + share)]))
        number += 1
        await asyncio.sleep(max(0.0, began + number / BATCHES_A_SECOND - time.monotonic()))


async def keep(connection: asyncpg.Connection, readings: list[StoredReading]) -> None:
    """Store readings as the ingestor does."""
    async with connection.transaction():
        await store(connection, readings)
        await register_unknown(connection, readings)
        await connection.execute("SELECT pg_notify($1, '')", Channel.READINGS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=2000, help="readings a second")
    parser.add_argument("--seconds", type=int, default=30, help="how long frames are counted")
    parser.add_argument("--warm-up", type=float, default=15, help="minutes before the heap's slope is taken")
    parser.add_argument("--minutes", type=float, default=10, help="minutes that the slope is taken over")
    asyncio.run(main(parser.parse_args()))
