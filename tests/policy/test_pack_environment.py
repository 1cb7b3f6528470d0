"""The pack makes its own environment when Pulumi first starts it, and says so when it cannot."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.policy_pack import PACK, PYTHON


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack that needs no package."""
    shutil.copytree(PACK / "environment", tmp_path / "policy" / "environment")
    (tmp_path / "requirements").mkdir()
    lock(tmp_path / "policy", "# nothing\n")
    return tmp_path / "policy"


def lock(pack: Path, text: str) -> None:
    (pack.parent / "requirements" / "policy.txt").write_text(text)


def start(pack: Path) -> subprocess.CompletedProcess[str]:
    """Start the pack's Python as Pulumi does."""
    python = pack / PYTHON.relative_to(PACK)
    return subprocess.run(
        [python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=False, timeout=120
    )


def test_pulumi_starts_the_program_that_makes_the_environment() -> None:
    options = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())["runtime"]["options"]
    assert PACK / options["virtualenv"] / "bin" / "python" == PYTHON


def test_the_environment_is_made_at_first_and_again_when_its_lock_changed(pack: Path) -> None:
    first = start(pack)
    assert (first.stdout.strip(), first.returncode) == (str(pack / ".venv"), 0), first.stderr
    marker = pack / ".venv" / "kept"
    marker.touch()
    assert start(pack).returncode == 0
    assert marker.exists()
    lock(pack, "# still nothing\n")
    assert start(pack).returncode == 0
    assert not marker.exists()


def test_an_environment_that_cannot_be_made_is_an_error_that_says_why(pack: Path) -> None:
    lock(pack, f"nothing @ file://{pack}/nowhere --hash=sha256:{'0' * 64}\n")
    ended = start(pack)
    assert ended.returncode == 1
    assert "nowhere" in ended.stderr
    assert f"the policy pack has no environment: what is said above kept {pack}" in ended.stderr
    assert start(pack).returncode == 1, "half an environment is none"
