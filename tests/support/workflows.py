"""GitHub's workflows as files, and their scripts as GitHub runs them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))


def read(name: str) -> dict[str, Any]:
    """Return a workflow or an action."""
    # YAML 1.1 takes the key `on` for true.
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text().replace("\non:", "\n'on':"))
    return document


def script(name: str, job: str, step: str) -> str:
    """Return what a step runs."""
    (found,) = [s for s in read(name)["jobs"][job]["steps"] if s.get("name") == step]
    run: str = found["run"]
    return run


class Machine:
    """A folder in which a script runs with programs of the test's own first on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._bin = folder / "work", folder / "bin"
        self.folder.mkdir(exist_ok=True)
        self._bin.mkdir(exist_ok=True)
        self._log = folder / "called"
        self.outputs = folder / "outputs"
        self.outputs.touch()

    def has(self, name: str, answers: str) -> None:
        """Install a program that notes how it is called, and then runs `answers`."""
        program = self._bin / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>{self._log}\n{answers}\n')
        program.chmod(0o755)

    @property
    def called(self) -> list[str]:
        """Every call of the programs."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub does where no shell is named."""
        environment: Mapping[str, str] = {
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_STEP_SUMMARY": os.devnull,
            "GITHUB_REPOSITORY": "example/sensor-analytics",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SHA": "abc",
            **variables,
        }
        command = ["bash", "--noprofile", "--norc", "-e", "-c", script]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
