"""The policy pack as the engine runs it, in an environment of its own."""

import fcntl
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACK = ROOT / "policy"
PYTHON = PACK / "environment" / "bin" / "python"

# Pulumi's own installation brings this program; an engine built from source comes without it.
LAUNCHER = """#!/bin/sh
exec {python} -u -m pulumi.policy "$1" "$2"
"""


def launcher(folder: Path) -> Path:
    """Write the program with which the engine starts a Python policy pack; return the folder to put on PATH."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    # Tests that run side by side share the pack's environment.
    with (cache / "policy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([PYTHON, "--version"], check=True, capture_output=True)
    program = folder / "pulumi-analyzer-policy-python"
    program.write_text(LAUNCHER.format(python=PYTHON))
    program.chmod(0o755)
    return folder
