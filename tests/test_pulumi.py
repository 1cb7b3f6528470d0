"""What the `pulumi` command line finds in this repository: its packages, and one version of itself everywhere."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
LOCKED = re.compile(r"^pulumi==(\S+)", re.MULTILINE)


def test_pulumi_installs_the_lock_of_the_stacks() -> None:
    # Its language host reads this file, in the folder of the program, and nothing else.
    path = ROOT / PROJECT["main"] / "requirements.txt"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    (included,) = [line.removeprefix("-r ") for line in lines]
    assert (path.parent / included).resolve() == ROOT / "requirements" / "infra.txt"


def test_one_version_of_the_command_line_is_documented_deployed_with_and_required() -> None:
    action, document = ROOT / ".github/actions/program/action.yml", ROOT / "docs/deploy.md"
    (version,) = re.findall(r"/pulumi-v([\d.]+)-linux-x64\.tar\.gz", action.read_text())
    assert re.findall(r"get\.pulumi\.com \| sh -s -- --version ([\d.]+)", document.read_text()) == [version]
    assert PROJECT["requiredPulumiVersion"] == f">={version}"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert f"pulumi>={version.rpartition('.')[0]}" in extras["infra"]


def test_stacks_and_pack_are_locked_to_one_sdk_that_is_no_older_than_the_command_line() -> None:
    locks = ("requirements/infra.txt", "requirements/policy.txt")
    (locked,) = {LOCKED.findall((ROOT / name).read_text())[0] for name in locks}
    oldest = PROJECT["requiredPulumiVersion"].removeprefix(">=")
    assert _numbers(locked) >= _numbers(oldest)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
