"""The front door: the built dashboard, and the way to the services, as the load balancer has it on AWS."""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from stacks.local import node
from stacks.local.apt import UnavailableError
from stacks.local.children import Program, finish, last_lines
from stacks.local.places import DASHBOARD, Places
from stacks.local.plan import Copy, Surroundings

GENERATED = {"node_modules", "dist"}


def program(around: Surroundings, copies: Iterable[Copy], places: Places) -> Program:
    """Return the server of the dashboard as a program to keep."""
    behind = {f"{copy.service.name.upper()}_URL": around.url(copy.name) for copy in copies if copy.service.public}
    return Program(
        name="dashboard",
        command=(str(_node()), str(DASHBOARD / "node_modules" / "vite" / "bin" / "vite.js"), "preview"),
        directory=DASHBOARD,
        log=places.logs / "dashboard.log",
        environment={**behind, "PORT": str(around.ports["dashboard"])},
        ready=around.front_door + "/",
    )


async def build(places: Places) -> None:
    """Build the dashboard unless it was built from the same files. Raises UnavailableError that says why not."""
    stamp, content = DASHBOARD / "dist" / ".content", await asyncio.to_thread(_fingerprint)
    if stamp.exists() and stamp.read_text() == content and (DASHBOARD / "node_modules").exists():
        return
    found = _node()
    path = f"{found.parent}:/usr/local/bin:/usr/bin:/bin"
    lock = DASHBOARD / "node_modules" / ".package-lock.json"
    fresh = lock.exists() and lock.stat().st_mtime >= (DASHBOARD / "package-lock.json").stat().st_mtime
    steps = [] if fresh else [("install", (*node.npm(found), "ci", "--no-audit", "--no-fund"))]
    steps.append(("build", (str(found), str(DASHBOARD / "node_modules" / "vite" / "bin" / "vite.js"), "build")))
    for name, command in steps:
        log = places.logs / f"dashboard-{name}.log"
        step = Program(name=name, command=command, directory=DASHBOARD, log=log, environment={"PATH": path})
        if await finish(step, seconds=600) != 0:
            raise UnavailableError("\n    ".join([f"the dashboard's {name} failed, see {log}:", *last_lines(log)]))
    stamp.write_text(content)


def _node() -> Path:
    found = node.find()
    if found is None:
        raise UnavailableError(node.MISSING)
    return found


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(DASHBOARD):
        folders[:] = sorted(set(folders) - GENERATED)
        for path in sorted(Path(folder, file) for file in files):
            digest.update(f"{path.relative_to(DASHBOARD)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
