"""The policy pack as the engine runs it, in an environment of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACK = ROOT / "policy"
CACHE = ROOT / ".cache" / "policy"

# Pulumi's own installation brings this program; an engine built from source comes without it.
LAUNCHER = """#!/bin/sh
exec {python} -u -m pulumi.policy "$1" "$2"
"""


def launcher(folder: Path) -> Path:
    """Write the program with which the engine starts a Python policy pack; return the folder to put on PATH."""
    program = folder / "pulumi-analyzer-policy-python"
    program.write_text(LAUNCHER.format(python=_python()))
    program.chmod(0o755)
    return folder


def _python() -> Path:
    CACHE.parent.mkdir(exist_ok=True)
    # Tests that run side by side share it.
    with (CACHE.parent / "policy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _current_python()


def _current_python() -> Path:
    python = CACHE / "bin" / "python"
    stamp = CACHE / "requirements.txt"
    wanted = PACK / "requirements.txt"
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted.read_text()):
        shutil.rmtree(CACHE, ignore_errors=True)
        uv = shutil.which("uv") or f"{Path(sys.executable).parent}/uv"
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, CACHE], check=True)
        install: list[str | Path] = [uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", wanted]
        subprocess.run(install, check=True, env=os.environ)
        shutil.copy(wanted, stamp)
    return python
