"""What a person sees."""

import io
import unicodedata
from pathlib import Path

import rich.console
from hypothesis import given
from hypothesis import strategies as st

from local.console import Console, View, summary
from local.process.children import Program
from local.process.supervisor import Health, SupervisedProcess


def process(name: str, health: Health, reason: str = "") -> SupervisedProcess:
    return SupervisedProcess(Program(name=name, command=("true",), log=Path("log")), health=health, reason=reason)


def console_writing_to(out: io.StringIO) -> Console:
    return Console(rich.console.Console(file=out, highlight=False))


VIEW = View(
    [process("api", Health.READY), process("gateway", Health.UNREADY, "the stream is away")],
    {"dashboard": "http://127.0.0.1:8080", "api": "http://127.0.0.1:8082"},
    {"power": 2, "humidity": 1},
    49.96,
    1.26,
    ["Detector: off locally (this machine has no prometheus)"],
    silent=1,
    open_alerts=2,
)


def test_one_line_tells_the_fleet_the_rate_the_lag_and_who_is_unwell() -> None:
    assert summary(VIEW) == (
        "3 devices (2 power, 1 humidity), 1 of them silent, 50.0 readings/s, lag 1.3 s, 2 open alerts; "
        "gateway not ready"
    )
    assert summary(View([process("api", Health.READY)])).endswith("- readings/s, lag -; 1 service ready")


def test_the_table_tells_every_service_its_address_and_what_is_missing() -> None:
    out = io.StringIO()
    with console_writing_to(out).live(lambda: VIEW) as show:
        show()
    output = out.getvalue()
    for text in ("gateway", "not ready", "the stream is away", "http://127.0.0.1:8082", "no prometheus", "Ctrl-C"):
        assert text in output


@given(st.text())
def test_nothing_that_is_logged_steers_the_terminal(text: str) -> None:
    out = io.StringIO()
    console_writing_to(out).log(f"{text}\x1b]0;owned\x07\x1b[2J\x9b1A\u202e")
    assert not {unicodedata.category(letter) for letter in out.getvalue() if letter not in "\n\t"} & {"Cc", "Cf", "Cs"}


def test_a_step_is_said_when_it_is_done_and_not_when_it_failed() -> None:
    out = io.StringIO()
    console = console_writing_to(out)
    with console.progress() as step:
        with step("Migrating the database", "Migrated the database"):
            pass
        try:
            with step("Building the dashboard", "Built the dashboard"):
                raise ValueError
        except ValueError:
            pass
    assert "Migrated the database (0.0 s)" in out.getvalue()
    assert "dashboard" not in out.getvalue()


def test_what_a_service_said_is_never_read_as_markup() -> None:
    out = io.StringIO()
    console_writing_to(out).log("it said [red]no[/]")
    assert "it said [red]no[/]" in out.getvalue()
