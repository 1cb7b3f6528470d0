"""The programs beside our own: on PATH, or fetched into the cache. Standard library only."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools import apt
from devtools.errors import UnavailableError
from devtools.paths import TOOLS

PROGRAMS = TOOLS / "bin"
"""Whatever was fetched can be started from here."""

UNPACKED = TOOLS / "debian"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the names that systems give it, and the Debian package that holds it.

    `required_file`: a file that it opens where the package installs it, without which a copy from the cache cannot run.
    """

    name: str
    commands: tuple[str, ...]
    package: str
    required_file: Path | None = None


PROMETHEUS = Tool("prometheus", ("prometheus",), "prometheus")
ALERTMANAGER = Tool(
    "alertmanager",
    ("alertmanager", "prometheus-alertmanager"),
    "prometheus-alertmanager",
    required_file=Path("/usr/share/prometheus/alertmanager/default.tmpl"),
)
PUSHGATEWAY = Tool("pushgateway", ("pushgateway", "prometheus-pushgateway"), "prometheus-pushgateway")

MONITORING = (PROMETHEUS, ALERTMANAGER, PUSHGATEWAY)
"""What runs beside the services."""

CHECKING = (
    Tool("promtool", ("promtool",), "prometheus"),
    Tool("amtool", ("amtool",), "prometheus-alertmanager"),
    Tool("node_exporter", ("node_exporter", "prometheus-node-exporter"), "prometheus-node-exporter"),
)
"""What tests check rules, routes and dashboards with."""


def search_path() -> str:
    """Return PATH with the fetched programs behind the machine's own."""
    return os.pathsep.join(filter(None, [os.environ.get("PATH"), str(PROGRAMS)]))


def which(*commands: str) -> Path | None:
    """Return the first of `commands` that the machine or the cache has."""
    found = (shutil.which(command, path=search_path()) for command in commands)
    return next((Path(path) for path in found if path), None)


def find(tool: Tool) -> Path | None:
    """Return where `tool` is, or None where it is not or could not run."""
    path = which(*tool.commands)
    cached = path is not None and path.parent == PROGRAMS
    return None if cached and tool.required_file and not tool.required_file.exists() else path


def ensure(tools: Sequence[Tool]) -> dict[Tool, Path]:
    """Return where each of `tools` is, fetched if need be. Raises UnavailableError."""
    if missing := sorted({tool.package for tool in tools if which(*tool.commands) is None}):
        apt.unpack(missing, UNPACKED)
        for program in UNPACKED.glob("usr/bin/*"):
            link(program, program.name)
    if unusable := sorted({tool.package for tool in tools if find(tool) is None}):
        raise UnavailableError(f"it runs only where it is installed: apt-get install {' '.join(unusable)}")
    return {tool: path for tool in tools if (path := find(tool))}


def link(program: Path, name: str) -> Path:
    """Make `program` startable as `name`."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    (PROGRAMS / name).unlink(missing_ok=True)
    (PROGRAMS / name).symlink_to(program)
    return PROGRAMS / name


def launcher(name: str, script: str) -> Path:
    """Write a program of shell commands."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    path = PROGRAMS / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
