"""The stack: prepared, started, watched, measured and stopped, in the order in which its parts need each other."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from apps.catalog import SERVICES, TASKS
from apps.platform.service import OPERATOR_TOKEN, READINGS, Produce, ScheduledService, Service
from devtools import tools
from devtools.apt import UnavailableError
from local import measure, plan
from local.console import Screen, Step, View
from local.measure import Rate
from local.options import Options
from local.paths import Places
from local.process.children import Program, finish, last_words
from local.process.scheduler import on_schedule
from local.process.supervisor import FailedError, Supervisor
from local.report import Report, report
from local.services import database, frontdoor, ministack, monitoring, secrets, simulator, webhook

DRAIN_SECONDS = 60
"""How long the ingestors may take to write what is on the stream, once nobody adds to it."""

Begin = Callable[[str], Step]


class Stack:
    """Everything that runs for one call of the command."""

    def __init__(self, options: Options, places: Places, screen: Screen, http: httpx.AsyncClient) -> None:
        self.options = options
        self.places = places
        self.screen = screen
        self.copies = plan.copies(SERVICES)
        self.began = datetime.now(UTC)
        ports = plan.ports(options.port, SERVICES)
        self.postgres = database.server(places, ports["postgresql"])
        self.around = plan.Surroundings(
            front_door=f"http://{plan.HOST}:{options.port}",
            ports=ports,
            stream=READINGS.name,
            secrets=places.secrets,
            owner_password=self.postgres.password_file,
        )
        self.supervisor = Supervisor(screen.say, http)
        self.stopping = asyncio.Event()
        self.receiver: asyncio.Task[None] | None = None
        self.background: list[asyncio.Task[Any]] = []
        self.notes: list[str] = []
        self.tools: dict[tools.Tool, Path] = {}
        self.rate = Rate()
        self.vitals: measure.Vitals | None = None

    async def start(self, begin: Begin) -> None:
        """Prepare and start everything. Raises FailedError, UnavailableError, PostgresError or ConfigurationError."""
        for declared in (*SERVICES, *TASKS):
            if plan.unmet(declared, self.around) is None:
                plan.environment(declared, self.around)
        shutil.rmtree(self.places.logs, ignore_errors=True)
        simulator.counts(self.places).unlink(missing_ok=True)
        for secret in plan.secrets(SERVICES):
            secrets.keep(self.places.secret(secret.name), secrets.MAKERS[secret])
        await _together(
            self._start_database(begin), self._start_aws(begin), self._build_dashboard(begin), self._find_tools(begin)
        )
        with begin("services are ready"):
            await self._start_services()
        await self._start_monitoring()
        self._start_schedules()
        self._start_simulator()
        self.background.append(asyncio.create_task(self.supervisor.watch()))

    async def watch(self, stopping: asyncio.Event) -> None:
        """Show how everything is until told to stop, until the duration is over, or until something essential fails.

        Raises FailedError in the last case.
        """
        ends = time.monotonic() + self.options.duration if self.options.duration else float("inf")
        self.background.append(asyncio.create_task(self._look()))
        with self.screen.live(self._view) as show:
            while not stopping.is_set() and time.monotonic() < ends:
                if self.supervisor.failed.done():
                    raise FailedError(self.supervisor.failed.result())
                show()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), 1)

    async def measure(self) -> Report:
        """Stop the devices, wait until what they sent is written, and count it."""
        self.screen.say("stopping, once everything that was sent is written")
        services = {name: kept.healthy for name, kept in self.supervisor.kept.items()}
        await self.supervisor.stop(simulator.NAME)
        sent = simulator.counted(self.places)
        async with database.connected(self.postgres) as connection:
            if not await ministack.until_written(self.around, connection, DRAIN_SECONDS):
                self.screen.say(f"the ingestors did not write everything within {DRAIN_SECONDS} s")
            stored = await measure.stored(connection, self.began, simulator.LABEL if sent else None)
        return report(sent, stored, services, self._urls())

    async def stop(self) -> None:
        """Stop everything: what sends before what receives, the services before what they stand on."""
        for task in self.background:
            task.cancel()
        producers = [copy.name for copy in self.copies if any(isinstance(need, Produce) for need in copy.service.needs)]
        foundation = ("ministack", "postgresql")
        others = [name for name in self.supervisor.kept if name not in {simulator.NAME, *producers, *foundation}]
        for names in ((simulator.NAME,), producers, others, foundation):
            await self.supervisor.stop(*names)
        self.stopping.set()
        await asyncio.gather(*self.background, *filter(None, [self.receiver]), return_exceptions=True)

    async def _start_database(self, begin: Begin) -> None:
        with begin("database is migrated"):
            await asyncio.to_thread(self.postgres.prepare)
            self.supervisor.keep(database.program(self.postgres, self.places))
            await self.supervisor.until_ready("postgresql")
            await database.prepare(self.postgres, self.around, plan.roles(SERVICES))
            for task in TASKS:
                if plan.unmet(task, self.around) is None:
                    await self._run_task(task.deadline_seconds, self._program(task.name, task))

    async def _start_aws(self, begin: Begin) -> None:
        with begin("AWS has its stream"):
            # Not started again when it dies: it keeps the stream in memory, and an empty one would hide what was lost.
            self.supervisor.keep(ministack.program(self.around, self.places), restart=False)
            await self.supervisor.until_ready("ministack")
            await ministack.create_stream(self.around)

    async def _build_dashboard(self, begin: Begin) -> None:
        with begin("dashboard is built"):
            await frontdoor.build(self.places)

    async def _find_tools(self, begin: Begin) -> None:
        try:
            with begin("Prometheus, Alertmanager and Pushgateway are here"):
                self.tools = await asyncio.to_thread(tools.bring, tools.MONITORING)
        except UnavailableError as error:
            self.tools = {tool: path for tool in tools.MONITORING if (path := tools.find(tool))}
            absent = frozenset(tool.name for tool in tools.MONITORING if tool not in self.tools)
            self.around = replace(self.around, absent=absent)
            self.notes.append(f"without {', '.join(sorted(absent))}: {error}")

    async def _start_services(self) -> None:
        for copy in self.copies:
            port = self.around.ports[copy.name]
            self.supervisor.keep(self._program(copy.name, copy.service, port))
        self.supervisor.keep(frontdoor.program(self.around, self.copies, self.places))
        await self.supervisor.until_ready(*(copy.name for copy in self.copies), "dashboard")

    async def _start_monitoring(self) -> None:
        receiving = webhook.receive_messages(self.around.ports["webhook"], self.screen.say, self.stopping)
        self.receiver = asyncio.create_task(receiving)
        for program in monitoring.programs(self.tools, self.around, self.copies, self.places):
            self.supervisor.keep(program, essential=False)

    def _start_schedules(self) -> None:
        for service in SERVICES:
            if not isinstance(service, ScheduledService):
                continue
            if reason := plan.unmet(service, self.around):
                self.notes.append(f"{service.name} does not run: {reason}")
                continue
            run = on_schedule(service, self._program(service.name, service), self.screen.say)
            self.background.append(asyncio.create_task(run))

    def _start_simulator(self) -> None:
        if self.options.simulator:
            token = self.places.secret(OPERATOR_TOKEN.name)
            program = simulator.program(self.options, self.around, token, self.places)
            # Not started again when it dies: nobody would know what it had sent.
            self.supervisor.keep(program, essential=False, restart=False)

    def _program(self, name: str, declared: plan.Declared, port: int | None = None) -> Program:
        ready = f"http://{plan.HOST}:{port}{declared.probes.readiness}" if isinstance(declared, Service) else None
        return Program(
            name=name,
            command=plan.command(declared),
            environment=plan.environment(declared, self.around, port),
            log=self.places.logs / f"{name}.log",
            ready=ready,
        )

    async def _run_task(self, seconds: float, program: Program) -> None:
        if await finish(program, seconds) != 0:
            raise FailedError(f"{program.name} failed, see {program.log}{last_words(program.log)}")

    async def _look(self) -> None:
        while True:
            try:
                async with database.connected(self.postgres) as connection:
                    while True:
                        self.vitals = await measure.vitals(connection)
                        self.rate.note(time.monotonic(), self.vitals.written)
                        await asyncio.sleep(1)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                # The database is starting again: the table says so.
                self.vitals = None
                await asyncio.sleep(1)

    def _view(self) -> View:
        fleet, lag = (self.vitals.fleet, self.vitals.lag) if self.vitals else ({}, None)
        kept = list(self.supervisor.kept.values())
        return View(kept, self._urls(), fleet, self.rate.per_second, lag, self.notes)

    def _urls(self) -> dict[str, str]:
        listening = [name for name in self.around.ports if name in self.supervisor.kept]
        return {name: self.around.url(name) for name in listening if name != "postgresql"}


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
