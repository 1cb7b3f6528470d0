"""What must be so before anything starts: no other stack of this checkout, ports that are free."""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psutil

from local.errors import AlreadyRunningError, PortInUseError
from local.paths import Paths
from local.plan import HOST


@contextmanager
def exclusive_lock(paths: Paths, port: int) -> Iterator[None]:
    """Hold the checkout's lock. Raises AlreadyRunningError while another stack of this checkout runs."""
    paths.home.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            process, _, door = lock.read().strip().partition(" ")
            raise AlreadyRunningError(
                f"the platform of this checkout runs already (process {process}, http://{HOST}:{door}/):"
                f" stop it with Ctrl-C or kill {process}"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()} {port}")
        lock.flush()
        yield


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise PortInUseError when one of the ports is taken."""
    for name, port in ports.items():
        if _is_taken(port):
            raise PortInUseError(
                f"port {port}, wanted for {name}, is taken{_by_whom(port)}: end it, or choose other ports with"
                f" nox -s local -- --port {min(ports.values()) + 1000}"
            )


def wipe(paths: Paths) -> str:
    """Delete the data of earlier runs, and return what that was, for people."""
    files = [path for path in paths.home.rglob("*") if path.is_file() and path != paths.lock]
    size = sum(path.lstat().st_size for path in files)
    named = ", ".join(sorted(path.name for path in paths.home.iterdir() if path != paths.lock))
    for path in paths.home.iterdir():
        if path == paths.lock:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return f"{len(files):,} files, {size / 1e6:,.0f} MB ({named})" if files else "nothing: there was no earlier run"


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _by_whom(port: int) -> str:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:] == (port,):
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
