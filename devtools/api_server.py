"""A Kubernetes API server of our own, from programs on PATH: on 127.0.0.1, its data in one folder."""

import json
import secrets
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.errors import ApiServerError
from devtools.ports import free_port

PROGRAMS = ("etcd", "kube-apiserver")
READY_TIMEOUT_SECONDS = 300
SHUTDOWN_TIMEOUT_SECONDS = 10


def missing() -> list[str]:
    """Return which programs are not on PATH."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where it answers, and the token of its administrator."""

    url: str
    token: str
    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """The file with which kubectl reaches it."""
        return self.folder / "kubeconfig"

    @property
    def key(self) -> Path:
        """The key with which tokens of service accounts are signed."""
        return self.folder / "sa.key"

    @property
    def tls(self) -> ssl.SSLContext:
        """What a client on this machine trusts: the certificate is the server's own."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def ask(self, path: str, body: object = None) -> None:
        """Get a path, or post an object to it. Raises OSError where the server refuses or does not answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 our own address
        urllib.request.urlopen(request, context=self.tls, timeout=5).close()  # noqa: S310


@contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Run etcd and the API server; both end with the block. Raises ApiServerError when it does not become ready."""
    server = ApiServer(f"https://127.0.0.1:{free_port()}", secrets.token_urlsafe(24), folder)
    _write_access(server)
    etcd = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        stack.enter_context(started("etcd", _etcd(folder, etcd), folder))
        program = stack.enter_context(started("kube-apiserver", _arguments(server, etcd), folder))
        _wait(server, program)
        yield server


@contextmanager
def started(name: str, arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, what it says in a file of its name, until the block ends."""
    with (folder / f"{name}.log").open("wb") as log:
        program = subprocess.Popen(
            [str(shutil.which(name)), *arguments], stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        yield program
    finally:
        program.terminate()
        try:
            program.wait(SHUTDOWN_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _write_access(server: ApiServer) -> None:
    command = ["openssl", "genrsa", "-out", str(server.key), "2048"]
    subprocess.run(command, check=True, capture_output=True)
    (server.folder / "tokens.csv").write_text(f'{server.token},admin,1,"system:masters"\n')
    access: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": server.url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": server.token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
        "current-context": "local",
    }
    server.kubeconfig.write_text(json.dumps(access))


def _etcd(folder: Path, address: str) -> list[str]:
    peer = f"http://127.0.0.1:{free_port()}"
    return [
        *("--data-dir", str(folder / "etcd"), "--listen-client-urls", address, "--advertise-client-urls", address),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
        "--unsafe-no-fsync",
    ]


def _arguments(server: ApiServer, etcd: str) -> list[str]:
    folder, key = server.folder, str(server.key)
    return [
        *("--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", server.url.rpartition(":")[2]),
        *("--cert-dir", str(folder / "certs"), "--service-account-issuer", "https://kubernetes.default.svc"),
        *("--service-account-key-file", key, "--service-account-signing-key-file", key),
        *("--service-cluster-ip-range", "10.96.0.0/16", "--token-auth-file", str(folder / "tokens.csv")),
        *("--authorization-mode", "Node,RBAC", "--endpoint-reconciler-type", "none"),
    ]


def _wait(server: ApiServer, program: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_TIMEOUT_SECONDS
    while time.monotonic() < until and program.poll() is None:
        try:
            server.ask("/readyz")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return
    log = (server.folder / "kube-apiserver.log").read_text()[-2000:]
    raise ApiServerError(f"the API server did not become ready:\n{log}")
