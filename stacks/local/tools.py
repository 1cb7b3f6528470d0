"""The programs beside our own: on PATH, in the cache, or fetched into it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from stacks.local import apt
from stacks.local.places import TOOLS


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


def find(tool: Tool, cache: Path = TOOLS) -> Path | None:
    """Return where `tool` is, or None."""
    unpacked = str(cache / tool.package / "usr" / "bin")
    for command in tool.commands:
        if found := shutil.which(command) or shutil.which(command, path=unpacked):
            return Path(found)
    return None


def bring(tool: Tool, cache: Path = TOOLS) -> Path:
    """Return where `tool` is, fetched if need be. Raises apt.UnavailableError."""
    if found := find(tool, cache):
        return found
    apt.unpack((tool.package,), cache / tool.package)
    if found := find(tool, cache):
        return found
    raise apt.UnavailableError(f"Debian's package {tool.package} does not hold {tool.commands[0]}")
