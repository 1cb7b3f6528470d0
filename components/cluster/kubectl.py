"""Asking a cluster while a stack is deployed, through kubectl: it knows every way in that a kubeconfig may name."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.errors import KubectlError


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with one kubeconfig, in one namespace."""

    kubeconfig: Path
    namespace: str

    async def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return an object, None where there is none or no such kind. Raises KubectlError."""
        try:
            output = await self._run("get", kind, name, "--ignore-not-found", "-o", "json")
        except KubectlError as error:
            if "the server doesn't have a resource type" in str(error):
                return None
            raise
        found: dict[str, Any] | None = json.loads(output) if output.strip() else None
        return found

    async def list(self, kind: str, labels: str) -> list[dict[str, Any]]:
        """Return the objects that carry some labels. Raises KubectlError."""
        items: list[dict[str, Any]] = json.loads(await self._run("get", kind, "-l", labels, "-o", "json"))["items"]
        return items

    async def scale(self, kind: str, name: str, replicas: int) -> None:
        """Set how many replicas something has. Raises KubectlError."""
        await self._run("scale", kind, name, f"--replicas={replicas}")

    async def _run(self, *arguments: str) -> str:
        command = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments]
        running = await asyncio.create_subprocess_exec(
            "kubectl", *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, err = await running.communicate()
        except asyncio.CancelledError:
            running.kill()
            raise
        if running.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {err.decode().strip()}")
        return out.decode()


@asynccontextmanager
async def asking(kubeconfig: str, namespace: str) -> AsyncIterator[Kubectl]:
    """Yield a kubectl; the kubeconfig, which may hold a token, is a file of nobody else and goes with the block.

    Raises KubectlError where kubectl is not on PATH.
    """
    if shutil.which("kubectl") is None:
        raise KubectlError("kubectl is not on PATH, and a deployment that is judged is waited for with it: install it")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(kubeconfig)
        yield Kubectl(path, namespace)
