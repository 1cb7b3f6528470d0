"""The front door: the built dashboard, and the way to the services, as the load balancer has it on AWS."""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from devtools import node
from devtools.errors import UnavailableError
from devtools.paths import DASHBOARD, ROOT
from devtools.tools import which
from local.paths import Paths
from local.plan import LocalEnvironment, Replica
from local.process.children import Program, log_tail, run_to_completion

VITE = DASHBOARD / "node_modules" / "vite" / "bin" / "vite.js"
GENERATED = {"node_modules", "dist"}
PAGES = (ROOT / "docs" / "devices.md",)
"""What the dashboard shows of the documentation."""


def program(env: LocalEnvironment, replicas: Iterable[Replica], paths: Paths) -> Program:
    """Return the server of the dashboard as a program to keep."""
    behind = {
        f"{replica.service.name.upper()}_URL": env.url(replica.name) for replica in replicas if replica.service.public
    }
    return Program(
        name="dashboard",
        command=(str(_node()), str(VITE), "preview"),
        directory=DASHBOARD,
        log=paths.logs / "dashboard.log",
        environment={**behind, "PORT": str(env.ports["dashboard"])},
        ready=env.front_door + "/",
    )


async def build(paths: Paths) -> None:
    """Build the dashboard unless it was built from the same files. Raises UnavailableError that says why not."""
    node_path = _node()
    lock = (DASHBOARD / "package-lock.json").read_bytes()
    vite = (str(node_path), str(VITE), "build")
    await _once(DASHBOARD / "node_modules", lock, "install", (str(which("npm")), "ci"), paths)
    await _once(DASHBOARD / "dist", await asyncio.to_thread(_content), "build", vite, paths)


async def _once(makes: Path, source: bytes, name: str, command: tuple[str, ...], paths: Paths) -> None:
    stamp, fingerprint = makes / ".made-from", hashlib.sha256(source).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    log = paths.logs / f"dashboard-{name}.log"
    environment = node.environment()
    program = Program(name=name, command=command, directory=DASHBOARD, log=log, environment=environment)
    if await run_to_completion(program, seconds=600) != 0:
        raise UnavailableError(f"the dashboard's {name} failed, see {log}{log_tail(log)}")
    stamp.write_text(fingerprint)


def _node() -> Path:
    found = node.find()
    if found is None:
        raise UnavailableError(node.MISSING)
    return found


def _content() -> bytes:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in PAGES))
    for folder, folders, files in os.walk(DASHBOARD):
        folders[:] = sorted(set(folders) - GENERATED)
        for path in sorted(Path(folder, file) for file in files):
            digest.update(f"{path.relative_to(DASHBOARD)}\0".encode() + path.read_bytes())
    return digest.digest()
