"""Ports for programs that tests start."""

import socket
import subprocess
import sys
from pathlib import Path

from devtools.ports import BLOCK_SIZE, free_port

ROOT = Path(__file__).parents[2]

ASK = "from devtools.ports import free_port; print(*(free_port() for _ in range(100)), flush=True); input()"


def test_no_port_is_given_twice_before_its_program_could_listen() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    given = [free_port() for _ in range(100)]
    for process in processes:
        assert process.stdout
        given += map(int, process.stdout.readline().split())
    for process in processes:
        process.communicate("\n", 60)
    assert len(given) == 500
    assert len(set(given)) == 500


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    taken = free_port()
    with socket.socket() as server:
        server.bind(("127.0.0.1", taken))
        server.listen()
        assert taken not in {free_port() for _ in range(BLOCK_SIZE)}
