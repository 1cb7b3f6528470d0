"""Debian packages, unpacked into a folder: no root, nothing installed. Standard library only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devtools.errors import UnavailableError


def unpack(packages: Sequence[str], into: Path, *, dependencies: bool = False) -> None:
    """Download `packages`, with the dependencies that the machine lacks if wanted, and unpack them into `into`.

    Raises UnavailableError with apt's own reason.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UnavailableError(f"install {' '.join(packages)} with this system's package manager")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        state = Path(folder)
        for part in ("lists/partial", "cache/archives/partial"):
            (state / part).mkdir(parents=True)
        full = ["--no-install-recommends", "--reinstall", "--download-only", "install"]
        download = full if dependencies else ["download"]
        try:
            _apt(state, "update")
        except UnavailableError as reason:
            # It also fails for what does not matter here, such as a hook of another program.
            try:
                _apt(state, *download, *packages)
            except UnavailableError:
                raise reason from None
        else:
            _apt(state, *download, *packages)
        for archive in sorted(state.rglob("*.deb")):
            _run(["dpkg-deb", "--extract", str(archive), str(into)], state)


def _apt(state: Path, *arguments: str) -> None:
    # Lists and archives of its own, so that neither root nor a lock of the system's is needed.
    options = {
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
        "Dpkg::Use-Pty": "0",
    }
    _run(["apt-get", "-qq", "-y", *(f"-o{name}={value}" for name, value in options.items()), *arguments], state)


def _run(command: list[str], directory: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), done.stderr.strip())
        raise UnavailableError(f"{command[0]} could not fetch it ({reason.strip() or 'no reason given'})")
