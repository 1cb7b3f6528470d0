"""The front door: the built dashboard, and the way to the services, as the load balancer has it on AWS."""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from devtools import node
from devtools.apt import UnavailableError
from devtools.paths import DASHBOARD
from devtools.tools import which
from local.paths import Places
from local.plan import Copy, Surroundings
from local.process.children import Program, finish, last_words

VITE = DASHBOARD / "node_modules" / "vite" / "bin" / "vite.js"
GENERATED = {"node_modules", "dist"}


def program(around: Surroundings, copies: Iterable[Copy], places: Places) -> Program:
    """Return the server of the dashboard as a program to keep."""
    behind = {f"{copy.service.name.upper()}_URL": around.url(copy.name) for copy in copies if copy.service.public}
    return Program(
        name="dashboard",
        command=(str(_node()), str(VITE), "preview"),
        directory=DASHBOARD,
        log=places.logs / "dashboard.log",
        environment={**behind, "PORT": str(around.ports["dashboard"])},
        ready=around.front_door + "/",
    )


async def build(places: Places) -> None:
    """Build the dashboard unless it was built from the same files. Raises UnavailableError that says why not."""
    node_path = _node()
    lock = (DASHBOARD / "package-lock.json").read_bytes()
    vite = (str(node_path), str(VITE), "build")
    await _once(DASHBOARD / "node_modules", lock, "install", (str(which("npm")), "ci"), places)
    await _once(DASHBOARD / "dist", await asyncio.to_thread(_content), "build", vite, places)


async def _once(makes: Path, source: bytes, name: str, command: tuple[str, ...], places: Places) -> None:
    stamp, fingerprint = makes / ".made-from", hashlib.sha256(source).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    log = places.logs / f"dashboard-{name}.log"
    environment = node.environment()
    program = Program(name=name, command=command, directory=DASHBOARD, log=log, environment=environment)
    if await finish(program, seconds=600) != 0:
        raise UnavailableError(f"the dashboard's {name} failed, see {log}{last_words(log)}")
    stamp.write_text(fingerprint)


def _node() -> Path:
    found = node.find()
    if found is None:
        raise UnavailableError(node.MISSING)
    return found


def _content() -> bytes:
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(DASHBOARD):
        folders[:] = sorted(set(folders) - GENERATED)
        for path in sorted(Path(folder, file) for file in files):
            digest.update(f"{path.relative_to(DASHBOARD)}\0".encode() + path.read_bytes())
    return digest.digest()
