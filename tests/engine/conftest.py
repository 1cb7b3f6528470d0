"""Where stacks live on the engine: a cluster of one's own, an account in an emulator of AWS, charts in a folder."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from stacks.config import accounts
from tests.support import aws_emulator, control_plane, deployer, retained
from tests.support.aws_emulator import Emulator
from tests.support.engine import Rehearsal
from tests.support.stand_ins import charts


class Harness(Protocol):
    """Gives an account of its own in which a stack lives, and the rehearsal in it.

    With an environment, the account keeps what outlives it, and the rehearsal works as the role that deploys it.
    """

    def __call__(
        self, config: Mapping[str, Any], kubeconfig: Path | None = None, environment: str | None = None
    ) -> tuple[Emulator, Rehearsal]: ...


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with ExitStack() as running:

        def make(
            config: Mapping[str, Any], kubeconfig: Path | None = None, environment: str | None = None
        ) -> tuple[Emulator, Rehearsal]:
            emulator = aws_emulator.running(tmp_path / "aws", config["account"], asks_iam=environment is not None)
            aws, folder = running.enter_context(emulator), tmp_path / "rehearsal"
            variables = aws.environment()
            if environment:
                retained.make(aws, environment)
                account = next(
                    name for name, account_config in accounts().items() if environment in account_config.environments
                )
                variables = deployer.environment(aws, account, environment)
            return aws, Rehearsal(folder, kubeconfig or folder, real_aws=True, environment=variables)

        yield make


@pytest.fixture
def kubeconfig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A cluster of the test's own, with dev's nodes, or those of the stack that is the fixture's parameter."""
    with control_plane.running(tmp_path, getattr(request, "param", "dev")) as access:
        yield access


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds every chart."""
    return charts.write(tmp_path_factory.mktemp("charts"))
