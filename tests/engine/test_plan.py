"""What somebody agreed to and what would be done, as the real engine tells both."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pulumi
import pulumi.automation as auto
import pytest
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from delivery.plan import differences, steps
from tests.support import engine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif("pulumi" in engine.missing(), reason="pulumi is not on PATH"),
]


class Part(pulumi.ComponentResource):
    """Something with an input, which needs no provider."""

    def __init__(self, name: str, inputs: dict[str, Any]) -> None:
        super().__init__("tests:plan:Part", name, inputs)


@pytest.fixture
def preview(tmp_path: Path) -> Callable[[Callable[[], None]], str]:
    """Previews a program on the command line: returns what `pulumi preview --json` says."""
    environment = {
        "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    options = auto.LocalWorkspaceOptions(
        work_dir=str(tmp_path),
        project_settings=auto.ProjectSettings(
            name="plan", runtime="python", backend=auto.ProjectBackend(url=f"file://{tmp_path}")
        ),
        env_vars=environment,
    )
    auto.create_or_select_stack("dev", project_name="plan", program=lambda: None, opts=options)

    def run(program: Callable[[], None]) -> str:
        server = grpc.server(ThreadPoolExecutor())
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        command = ["pulumi", "preview", "--json", "--non-interactive", "--stack", "dev", f"--client=127.0.0.1:{port}"]
        try:
            return subprocess.run(
                command, cwd=tmp_path, env={**os.environ, **environment}, check=True, capture_output=True, text=True
            ).stdout
        finally:
            server.stop(None).wait()

    return run


def test_the_same_program_on_the_same_state_does_what_was_agreed_to(preview: Callable[..., str]) -> None:
    def program() -> None:
        for number in range(9):
            Part(f"part-{number}", {"number": number})

    agreed = steps(preview(program))
    assert len(agreed) == 9 + 1, "the parts and the stack"
    assert list(differences(agreed, steps(preview(program)))) == []


def test_another_input_or_another_resource_was_not_agreed_to(preview: Callable[..., str]) -> None:
    agreed = steps(preview(lambda: Part("api", {"image": "old"}) and None))
    other = steps(preview(lambda: Part("api", {"image": "new"}) and None))
    assert list(differences(agreed, other)) == [
        "not agreed to: create api (tests:plan:Part)",
        "no longer to be done: create api (tests:plan:Part)",
    ]
