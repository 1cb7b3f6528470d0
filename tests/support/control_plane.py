"""A Kubernetes control plane of one's own on this machine, from programs on PATH.

etcd, the API server, its controllers and the scheduler are real. kwok plays two nodes and their pods: they become
ready, Jobs complete, nothing runs in them. Without these programs, ENGINE_KUBECONFIG names the kubeconfig of a cluster
that may be thrown away, for example one of kind.
"""

import json
import os
import secrets
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from devtools.ports import free_port

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
STAGES = "kwok-stages.yaml"
"""How kwok's pods live, beside the program."""


def missing() -> list[str]:
    """Which programs are not on PATH."""
    if os.environ.get("ENGINE_KUBECONFIG"):
        return []
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Run a control plane and yield its kubeconfig; all of it ends with the block."""
    if given := os.environ.get("ENGINE_KUBECONFIG"):
        yield Path(given)
        return
    port, token = free_port(), secrets.token_urlsafe(24)
    kubeconfig = _write_access(folder, port, token)
    with ExitStack() as stack:

        def start(name: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            program = subprocess.Popen(
                [str(shutil.which(name)), *arguments], stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
            stack.callback(_stop, program)
            return program

        etcd = f"http://127.0.0.1:{free_port()}"
        start("etcd", _etcd(folder, etcd))
        server = start("kube-apiserver", _api_server(folder, port, etcd))
        api = _Api(port, token)
        api.wait_until_ready(server, folder / "kube-apiserver.log")
        for name, arguments in _controllers(folder, kubeconfig).items():
            start(name, arguments)
        for number, zone in enumerate("ab"):
            api.create("/api/v1/nodes", _node(f"node-{number}", f"eu-west-1{zone}"))
        yield kubeconfig


def _write_access(folder: Path, port: int, token: str) -> Path:
    subprocess.run(["openssl", "genrsa", "-out", str(folder / "sa.key"), "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f'{token},admin,1,"system:masters"\n')
    kubeconfig = folder / "kubeconfig"
    access = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "local",
                "cluster": {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True},
            }
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
        "current-context": "local",
    }
    kubeconfig.write_text(json.dumps(access))
    return kubeconfig


def _etcd(folder: Path, address: str) -> list[str]:
    peer = f"http://127.0.0.1:{free_port()}"
    return [
        *("--data-dir", str(folder / "etcd"), "--listen-client-urls", address, "--advertise-client-urls", address),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
        "--unsafe-no-fsync",
    ]


def _api_server(folder: Path, port: int, etcd: str) -> list[str]:
    key = str(folder / "sa.key")
    return [
        *("--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", str(port)),
        *("--cert-dir", str(folder / "certs"), "--service-account-issuer", "https://kubernetes.default.svc"),
        *("--service-account-key-file", key, "--service-account-signing-key-file", key),
        *("--service-cluster-ip-range", "10.96.0.0/16", "--token-auth-file", str(folder / "tokens.csv")),
        *("--authorization-mode", "Node,RBAC", "--endpoint-reconciler-type", "none"),
    ]


def _controllers(folder: Path, kubeconfig: Path) -> dict[str, list[str]]:
    stages = Path(str(shutil.which("kwok"))).with_name(STAGES)
    access = ["--kubeconfig", str(kubeconfig)]
    serving = ["--bind-address", "127.0.0.1", "--leader-elect=false", "--secure-port"]
    return {
        "kube-controller-manager": [
            *access,
            *serving,
            str(free_port()),
            *("--service-account-private-key-file", str(folder / "sa.key")),
            "--node-monitor-grace-period=10m",
        ],
        "kube-scheduler": [*access, *serving, str(free_port())],
        "kwok": [
            *access,
            *(["--config", str(stages)] if stages.exists() else []),
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{free_port()}",
        ],
    }


def _node(name: str, zone: str) -> dict[str, Any]:
    size = {"cpu": "4", "memory": "8Gi", "pods": "60", "ephemeral-storage": "30Gi"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone,
            },
        },
        "status": {"allocatable": size, "capacity": size},
    }


class _Api:
    def __init__(self, port: int, token: str) -> None:
        self.url, self.token = f"https://127.0.0.1:{port}", token
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def create(self, path: str, body: dict[str, Any]) -> None:
        self._ask(path, json.dumps(body).encode())

    def wait_until_ready(self, server: subprocess.Popen[bytes], log: Path) -> None:
        until = time.monotonic() + 90
        while time.monotonic() < until and server.poll() is None:
            try:
                self._ask("/readyz")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(f"the API server did not become ready:\n{log.read_text()[-2000:]}")

    def _ask(self, path: str, body: bytes | None = None) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(self.url + path, body, headers), context=self.context, timeout=5
        ).close()


def _stop(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
