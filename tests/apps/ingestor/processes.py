"""An ingestor as a process of its own, seen from outside."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from devtools.ports import free_port
from tests.apps.ingestor.support import QUICK, eventually


class Ingestor:
    """A running `python -m apps.ingestor`; `checkout`: where another release's code lies."""

    def __init__(self, variables: dict[str, str], checkout: Path | None = None) -> None:
        port = str(free_port())
        environment = os.environ | QUICK | {"HTTP_PORT": port} | variables
        self.url = f"http://127.0.0.1:{environment['HTTP_PORT']}"
        command = [sys.executable, "-m", "apps.ingestor"]
        self.process = subprocess.Popen(command, env=environment, cwd=checkout, stderr=subprocess.PIPE, text=True)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body; status 0 while nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    async def answers(self, path: str, status: int, text: str = "") -> str:
        """Wait for an answer of `status` that holds `text`, and return it."""

        async def answered() -> str | None:
            found, body = self.get(path)
            return body if found == status and text in body else None

        return await eventually(answered)

    def stderr(self) -> str:
        """Return what the ended process wrote."""
        assert self.process.stderr
        return self.process.stderr.read()

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))
