"""The programs beside our own: on PATH, in the cache, or fetched into it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.local import apt
from stacks.local.places import TOOLS

UNPACKED = TOOLS / "debian"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the names that systems give it, and the Debian package that holds it."""

    name: str
    commands: tuple[str, ...]
    package: str


PROMETHEUS = Tool("prometheus", ("prometheus",), "prometheus")
PROMTOOL = Tool("promtool", ("promtool",), "prometheus")
ALERTMANAGER = Tool("alertmanager", ("alertmanager", "prometheus-alertmanager"), "prometheus-alertmanager")
PUSHGATEWAY = Tool("pushgateway", ("pushgateway", "prometheus-pushgateway"), "prometheus-pushgateway")

MONITORING = (PROMETHEUS, ALERTMANAGER, PUSHGATEWAY)


def find(tool: Tool, cache: Path = UNPACKED) -> Path | None:
    """Return where `tool` is, or None."""
    for command in tool.commands:
        if found := shutil.which(command) or shutil.which(command, path=str(cache / "usr" / "bin")):
            return Path(found)
    return None


def bring(tools: Sequence[Tool], cache: Path = UNPACKED) -> dict[Tool, Path]:
    """Return where each of `tools` is, fetched if need be. Raises apt.UnavailableError."""
    if missing := [tool for tool in tools if find(tool, cache) is None]:
        apt.unpack(sorted({tool.package for tool in missing}), cache)
    return {tool: path for tool in tools if (path := find(tool, cache))}
