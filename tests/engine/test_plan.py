"""What somebody agreed to and what would be done, as the real engine tells both."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi.automation as auto
import pytest

from delivery.plan import differences, steps
from tests.support import engine
from tests.support.engine import preview_as_json

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
    options = auto.LocalWorkspaceOptions(
        work_dir=str(tmp_path),
        project_settings=auto.ProjectSettings(
            name="plan", runtime="python", backend=auto.ProjectBackend(url=f"file://{tmp_path}")
        ),
        env_vars={
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        },
    )
    return partial(
        preview_as_json, auto.create_or_select_stack("dev", project_name="plan", program=nothing, opts=options)
    )


def nothing() -> None:
    """What a stack is made with before it is previewed."""


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
