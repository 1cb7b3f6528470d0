"""One stack at a time in a checkout, on ports that are free."""

import errno
import os
import socket
from pathlib import Path

import pytest

from local.errors import AlreadyRunningError, PortInUseError, explain
from local.paths import Paths
from local.preflight import check_ports, exclusive_lock, wipe


def test_a_taken_port_is_named_with_who_holds_it_and_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError) as taken:
            check_ports({"gateway": port})
    assert f"port {port}, wanted for gateway, is taken by" in str(taken.value)
    assert f"process {os.getpid()}" in str(taken.value)
    assert f"--port {port + 1000}" in str(taken.value)
    check_ports({"gateway": port})


def test_a_second_stack_of_the_same_checkout_learns_of_the_first(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "local")
    held = f"process {os.getpid()}, http://127.0.0.1:8080/"
    with exclusive_lock(paths, 8080), pytest.raises(AlreadyRunningError, match=held), exclusive_lock(paths, 9080):
        pass
    with exclusive_lock(paths, 8080):
        pass


def test_starting_over_wipes_everything_but_the_lock(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    with exclusive_lock(paths, 8080):
        paths.secrets.mkdir()
        (paths.secrets / "token").write_text("x")
        (tmp_path / "simulator.json").write_text("{}")
        assert wipe(paths) == "2 files, 0 MB (secrets, simulator.json)"
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_the_system_refuses_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("a file")
    with pytest.raises(OSError) as refused, exclusive_lock(Paths(tmp_path / "local"), 8080):  # noqa: PT011 - two kinds of it
        pass
    assert (
        explain(refused.value) == f"{tmp_path / 'local'}: a file is where a folder must be: move it away (File exists)"
    )
    assert explain(OSError(errno.ENOSPC, "No space left on device", "/x")).startswith("/x: the disk is full: make room")
    assert explain(ValueError("anything else")) == "anything else"
