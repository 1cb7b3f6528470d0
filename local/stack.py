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

from apps.catalog import CATALOG
from apps.platform.declaration import Declaration
from apps.platform.needs import Produce
from apps.resources import OPERATOR_TOKEN, READINGS
from devtools import tools
from devtools.errors import UnavailableError
from local import measure, plan, rules, simulator
from local.console import Console, Step, View
from local.errors import ProgramFailedError
from local.infrastructure import database, frontdoor, identity_provider, ministack, monitoring, secrets, webhook
from local.measure import Rate
from local.options import Options
from local.paths import Paths
from local.process.children import Program, log_tail, run_to_completion
from local.process.scheduler import on_schedule
from local.process.supervisor import Supervisor
from local.report import Report, report
from local.routing import provide_secrets, routing

DRAIN_SECONDS = 60
"""How long the ingestors may take to write what is on the stream, once nothing adds to it."""

NOTHING_TO_SEE = frozenset({"postgresql", "gateway", "ministack"})
"""What listens and answers no browser."""

StartStep = Callable[[str, str], Step]


class Stack:
    """Everything that runs for one call of the command."""

    def __init__(self, options: Options, paths: Paths, console: Console, http: httpx.AsyncClient) -> None:
        self.options = options
        self.paths = paths
        self.console = console
        self.http = http
        self.replicas = plan.replicas(CATALOG)
        self.began = datetime.now(UTC)
        ports = plan.ports(options.port, CATALOG)
        self.postgres = database.server(paths, ports["postgresql"])
        self.env = plan.LocalEnvironment(
            front_door=f"http://{plan.HOST}:{options.port}",
            ports=ports,
            stream=READINGS.name,
            secrets=paths.secrets,
            owner_password=self.postgres.password_file,
            login=options.login,
            notifications=routing(options.notifications),
        )
        self.supervisor = Supervisor(console.log, http)
        self.stopping = asyncio.Event()
        self.receivers: list[asyncio.Task[None]] = []
        self.background: list[asyncio.Task[None]] = []
        self.notes: list[str] = []
        self.tools: dict[tools.Tool, Path] = {}
        self.rate = Rate()
        self.stats: measure.PlatformStats | None = None
        self.simulating_since: float | None = None

    async def start(self, step: StartStep) -> None:
        """Prepare and start everything. Raises ProgramFailedError, DevtoolsError or ConfigurationError."""
        for declared in CATALOG.processes:
            if plan.unsupported_reason(declared, self.env) is None:
                plan.environment(declared, self.env)
        shutil.rmtree(self.paths.logs, ignore_errors=True)
        simulator.counts(self.paths).unlink(missing_ok=True)
        for secret in plan.secrets(CATALOG):
            secrets.keep(self.paths.secret(secret.name), secrets.MAKERS[secret])
        provide_secrets(self.env, own=self.options.notifications is None)
        await _together(
            self._start_database(step), self._start_aws(step), self._build_dashboard(step), self._find_tools(step)
        )
        with step("Starting the services", "Started the services"):
            self._start_login()
            await self._start_services()
        await self._start_monitoring()
        self._start_schedules()
        await self._start_simulator()
        self._in_background("health checks", self.supervisor.watch())

    async def watch(self, stopping: asyncio.Event) -> None:
        """Show the health of everything until asked to stop, the duration is over, or something essential fails.

        Raises ProgramFailedError in the last case.
        """
        ends = time.monotonic() + self.options.duration if self.options.duration else float("inf")
        self._in_background("database statistics", self._poll_stats())
        with self.console.live(self._view) as show:
            while not stopping.is_set() and time.monotonic() < ends:
                if self.supervisor.failed.done():
                    raise ProgramFailedError(self.supervisor.failed.result())
                show()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), 1)

    async def measure(self) -> Report:
        """Stop the devices and the way in, wait until what was sent is written, and count it."""
        self.console.log("stopping, once everything that was sent is written")
        services = {name: not process.failing for name, process in self.supervisor.processes.items()}
        # Devices of others may go on sending: nothing is taken from them any more, and they keep what was not taken.
        await self.supervisor.stop(simulator.NAME)
        await self.supervisor.stop(*self._producers())
        sent = simulator.counted(self.paths)
        async with database.connected(self.postgres) as connection:
            if not await ministack.until_written(self.env, connection, DRAIN_SECONDS):
                self.console.log(f"the ingestors did not write everything within {DRAIN_SECONDS} s")
            stored = await measure.stored(connection, self.began, simulator.LABEL if sent else None)
        return report(sent, stored, services, self._urls())

    async def stop(self) -> None:
        """Stop everything: what sends before what receives, the services before what they stand on."""
        for task in self.background:
            task.cancel()
        producers = self._producers()
        foundation = ("ministack", "postgresql")
        others = [name for name in self.supervisor.processes if name not in {simulator.NAME, *producers, *foundation}]
        for names in ((simulator.NAME,), producers, others, foundation):
            await self.supervisor.stop(*names)
        self.stopping.set()
        await asyncio.gather(*self.background, *self.receivers, return_exceptions=True)

    def _producers(self) -> list[str]:
        return [
            replica.name
            for replica in self.replicas
            if any(isinstance(need, Produce) for need in replica.service.needs)
        ]

    async def _start_database(self, step: StartStep) -> None:
        with step("Migrating the database", "Migrated the database"):
            await asyncio.to_thread(self.postgres.prepare)
            self.supervisor.supervise(database.program(self.postgres, self.paths))
            await self.supervisor.until_ready("postgresql")
            await database.prepare(self.postgres, self.env, plan.roles(CATALOG))
            for job in CATALOG.release_jobs:
                if plan.unsupported_reason(job, self.env) is None:
                    await self._run_job(job.deadline_seconds, self._program(job.name, job))

    async def _start_aws(self, step: StartStep) -> None:
        with step("Creating the local Kinesis stream", "Created the local Kinesis stream"):
            # Not started again when it dies: it keeps the stream in memory, and an empty one would hide what was lost.
            self.supervisor.supervise(ministack.program(self.env, self.paths), restart=False)
            await self.supervisor.until_ready("ministack")
            await ministack.create_stream(self.env)
            await ministack.create_bucket(self.env)

    async def _build_dashboard(self, step: StartStep) -> None:
        with step("Building the dashboard", "Built the dashboard"):
            await frontdoor.build(self.paths)

    async def _find_tools(self, step: StartStep) -> None:
        try:
            with step("Looking for Prometheus, Alertmanager and Pushgateway", "Found them"):
                self.tools = await asyncio.to_thread(tools.ensure, tools.MONITORING)
        except UnavailableError as error:
            self.tools = {tool: path for tool in tools.MONITORING if (path := tools.find(tool))}
            absent = frozenset(tool.name for tool in tools.MONITORING if tool not in self.tools)
            self.env = replace(self.env, absent=absent)
            self.notes.append(f"without {', '.join(sorted(absent))}: {error}")

    def _start_login(self) -> None:
        if self.options.login:
            signing_in = identity_provider.sign_people_in(self.env.ports["login"], self.env.front_door, self.stopping)
            self.receivers.append(self.supervisor.create_task("login", signing_in))

    async def _start_services(self) -> None:
        for replica in self.replicas:
            port = self.env.ports[replica.name]
            self.supervisor.supervise(self._program(replica.name, replica.service, port))
        self.supervisor.supervise(frontdoor.program(self.env, self.replicas, self.paths))
        await self.supervisor.until_ready(*(replica.name for replica in self.replicas), "dashboard")

    async def _start_monitoring(self) -> None:
        receiving = webhook.receive_messages(self.env.ports["webhook"], self.console.log, self.stopping)
        self.receivers.append(self.supervisor.create_task("webhook", receiving))
        for program in monitoring.programs(self.tools, self.env, self.replicas, self.paths):
            self.supervisor.supervise(program, essential=False)

    def _start_schedules(self) -> None:
        for service in CATALOG.scheduled:
            if reason := plan.unsupported_reason(service, self.env):
                self.notes.append(f"{service.name.capitalize()}: off locally ({reason})")
                continue
            run = on_schedule(service, self._program(service.name, service), self.console.log)
            self._in_background(service.name, run)

    async def _start_simulator(self) -> None:
        if self.options.simulator:
            token = self.paths.secret(OPERATOR_TOKEN.name)
            try:
                await rules.install(self.http, self.env.front_door, token.read_text().strip())
            except httpx.HTTPError as error:
                self.notes.append(f"without rules: {error}")
            program = simulator.program(self.options, self.env, token, self.paths)
            # Not started again when it dies: its count of what it sent would be lost.
            self.supervisor.supervise(program, essential=False, restart=False)
            self.simulating_since = time.monotonic()

    def _in_background(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self.background.append(self.supervisor.create_task(name, work))

    def _program(self, name: str, declared: Declaration, port: int | None = None) -> Program:
        ready = f"http://{plan.HOST}:{port}{declared.server.probes.readiness}" if declared.server else None
        return Program(
            name=name,
            command=plan.command(declared),
            environment=plan.environment(declared, self.env, port),
            log=self.paths.logs / f"{name}.log",
            ready=ready,
        )

    async def _run_job(self, seconds: float, program: Program) -> None:
        if await run_to_completion(program, seconds) != 0:
            raise ProgramFailedError(f"{program.name} failed, see {program.log}{log_tail(program.log)}")

    async def _poll_stats(self) -> None:
        while True:
            try:
                async with database.connected(self.postgres) as connection:
                    while True:
                        self.stats = await measure.stats(connection)
                        self.rate.note(time.monotonic(), self.stats.written)
                        await asyncio.sleep(1)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                # The database is starting again: the table says so.
                self.stats = None
                await asyncio.sleep(1)

    def _view(self) -> View:
        processes, stats = list(self.supervisor.processes.values()), self.stats
        view = View(
            processes,
            self._urls(),
            readings_per_second=self.rate.per_second,
            notes=[*self.notes, *self._where(), *self._faults()],
        )
        if stats is not None:
            view.fleet, view.lag, view.silent, view.open_alerts = (
                stats.fleet,
                stats.lag,
                stats.silent,
                stats.open_alerts,
            )
        return view

    def _urls(self) -> dict[str, str]:
        """Return where each listens, and where there is something to see."""
        listening = [name for name in self.env.ports if name in self.supervisor.processes or name == "webhook"]
        urls = {name: self.env.url(name) for name in listening if name not in NOTHING_TO_SEE}
        return urls | ({"api": f"{self.env.front_door}/api/docs"} if "api" in urls else {})

    def _where(self) -> list[str]:
        """Return where logs are, and the key with which one may do everything."""
        return [
            f"Logs: {_near(self.paths.logs)}   operator's token: {_near(self.paths.secret(OPERATOR_TOKEN.name))}"
            f"   API: {self.env.front_door}/api/docs"
        ]

    def _faults(self) -> list[str]:
        """Return what of the faults that were asked for is played now, or will be."""
        elapsed = time.monotonic() - self.simulating_since if self.simulating_since else 0.0
        return [f"Fault {text}: {simulator.state_of(text, elapsed)}" for text in self.options.faults]


def _near(path: Path) -> Path:
    """Return a path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                group.create_task(coroutine)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
