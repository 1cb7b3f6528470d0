"""What a person sees: progress while the platform starts, one table kept up to date while it runs, lines elsewhere."""

import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import rich.console
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from local.process.supervisor import Health, SupervisedProcess

COLOURS = {
    Health.READY: "green",
    Health.STARTING: "yellow",
    Health.UNREADY: "yellow",
    Health.RESTARTING: "yellow",
    Health.FAILED: "red",
    Health.STOPPED: "dim",
}

WIDE = 160
"""Columns where there is no terminal that would say how many it has."""

PLAIN_SECONDS = 10
"""Between two lines where there is no terminal."""


def printable(text: str) -> str:
    """Return text in which no character steers the terminal: what devices and services send may be shown in it."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"} else "\ufffd"
        for character in text
    )


@dataclass(slots=True)
class View:
    """What the table shows."""

    processes: Iterable[SupervisedProcess] = ()
    urls: dict[str, str] = field(default_factory=dict)
    fleet: dict[str, int] = field(default_factory=dict)
    readings_per_second: float | None = None
    lag: float | None = None
    notes: list[str] = field(default_factory=list)
    """What this machine runs without, and what else a person may want to know."""
    silent: int = 0
    """Devices that have not sent for a while, those of an earlier run for instance."""
    open_alerts: int = 0


class Console:
    """The terminal. Lines that were logged stay above the table."""

    def __init__(self, terminal: rich.console.Console | None = None) -> None:
        self.terminal = terminal or rich.console.Console(highlight=False)
        if not self.terminal.is_terminal:
            self.terminal.width = WIDE

    def log(self, text: str) -> None:
        """Print a line, with the time."""
        self.terminal.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {escape(printable(text))}", soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, str], "Step"]]:
        """Show what is under way; each step is logged with its time when it is done."""
        steps: list[Step] = []
        if not self.terminal.is_terminal:
            yield lambda doing, done: Step(doing, done, steps, self.log)
            return
        with Live(
            console=self.terminal, refresh_per_second=8, get_renderable=lambda: _under_way(steps), transient=True
        ):
            yield lambda doing, done: Step(doing, done, steps, self.log)

    @contextmanager
    def live(self, view: Callable[[], View]) -> Iterator[Callable[[], None]]:
        """Show the table. The function that is handed over brings it up to date."""
        if self.terminal.is_terminal:
            with Live(_table(view()), console=self.terminal, auto_refresh=False, vertical_overflow="visible") as live:
                yield lambda: live.update(_table(view()), refresh=True)
            return
        last = float("-inf")

        def line() -> None:
            nonlocal last
            if time.monotonic() - last >= PLAIN_SECONDS:
                last = time.monotonic()
                self.log(summary(view()))

        self.terminal.print(_table(view()))
        yield line


class Step:
    """Something under way: `with step("Building the dashboard", "Built the dashboard"): ...`."""

    def __init__(self, doing: str, done: str, steps: "list[Step]", log: Callable[[str], None]) -> None:
        self.doing, self.done, self.steps, self.log = doing, done, steps, log

    def __enter__(self) -> None:
        self.started = time.monotonic()
        self.steps.append(self)

    def __exit__(self, kind: object, *_: object) -> None:
        self.steps.remove(self)
        if kind is None:
            self.log(f"{self.done} ({time.monotonic() - self.started:.1f} s)")


def summary(view: View) -> str:
    """Return the table in one line."""
    processes = list(view.processes)
    unhealthy = [f"{process.program.name} {process.health}" for process in processes if not process.healthy]
    health = ", ".join(unhealthy) or f"{counted(len(processes), 'service')} ready"
    return f"{_fleet(view)}, {_rate(view)}, {_lag(view)}{_alerts(view)}; {health}"


def counted(count: int, what: str) -> str:
    """Return so many of something, in words."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _under_way(steps: list[Step]) -> RenderableType:
    now = time.monotonic()
    return Group(*(Text(f"  … {step.doing} {now - step.started:.0f} s", style="cyan") for step in steps))


def _table(view: View) -> RenderableType:
    table = Table(title="Sensor Analytics on this machine", title_justify="left", expand=False)
    for heading in ("service", "health", "address", ""):
        table.add_column(heading, no_wrap=heading != "")
    for process in view.processes:
        restarts = f"restarted {_times(process.restarts)}" if process.restarts else ""
        table.add_row(
            process.program.name,
            Text(process.health, style=COLOURS[process.health]),
            view.urls.get(process.program.name, ""),
            restarts if process.healthy else process.reason,
        )
    figures = Text.assemble(
        ("dashboard ", "bold"),
        (view.urls.get("dashboard", ""), "bold cyan"),
        f"   {_fleet(view)}   {_rate(view)}   {_lag(view)}{_alerts(view)}",
    )
    return Group(
        table, figures, *(Text(note, style="dim") for note in view.notes), Text("Ctrl-C stops it", style="dim")
    )


def _fleet(view: View) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in view.fleet.items())
    silent = f", {view.silent:,} of them silent" if view.silent else ""
    return counted(sum(view.fleet.values()), "device") + (f" ({kinds}){silent}" if kinds else "")


def _alerts(view: View) -> str:
    return f", {counted(view.open_alerts, 'open alert')}" if view.open_alerts else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _rate(view: View) -> str:
    return "- readings/s" if view.readings_per_second is None else f"{view.readings_per_second:,.1f} readings/s"


def _lag(view: View) -> str:
    return "lag -" if view.lag is None else f"lag {view.lag:.1f} s"
