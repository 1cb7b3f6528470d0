"""What the `pulumi` command line finds in this repository: its packages, and one version of itself everywhere."""

import base64
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
WITHOUT_OTHERS = """
import importlib, importlib.metadata, re, sys

def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

locked = {normal(name) for name in sys.argv[2:]}
for package, distributions in importlib.metadata.packages_distributions().items():
    if locked.isdisjoint(normal(name) for name in distributions):
        sys.modules[package] = None
importlib.import_module(sys.argv[1])
"""
"""Imports a module where no package can be imported but those of some distributions."""

LOCKED = re.compile(r"^pulumi==(\S+)", re.MULTILINE)


def test_pulumi_installs_the_lock_of_the_stacks() -> None:
    # Its language host reads this file, in the folder of the program, and nothing else.
    path = ROOT / PROJECT["main"] / "requirements.txt"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    (included,) = [line.removeprefix("-r ") for line in lines]
    assert (path.parent / included).resolve() == ROOT / "requirements" / "infra.txt"


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_every_stack_says_with_which_key_of_its_account_its_secrets_are_encrypted(path: Path) -> None:
    # Without the two lines a fresh checkout asks for a passphrase that nobody has.
    stack = yaml.safe_load(path.read_text())
    (key,) = stack["config"].values()
    arn = rf"arn:aws:kms:{key['region']}:{key['account']}:key/[0-9a-f-]{{36}}"
    assert re.fullmatch(rf"awskms:///{arn}\?region={key['region']}", stack["secretsprovider"])
    assert base64.b64decode(stack["encryptedkey"], validate=True)


@pytest.mark.parametrize(
    "module",
    ["stacks.account", "stacks.environment", "delivery.charts.__main__", "delivery.cost.__main__", "delivery.images"],
)
def test_what_deploys_needs_no_package_that_its_lock_lacks(module: str) -> None:
    # The tests' own environment has every service's packages, and would hide it.
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "infra.txt").read_text(), re.MULTILINE)
    command = [sys.executable, "-c", WITHOUT_OTHERS, module, *locked]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr


def test_one_version_of_the_command_line_is_documented_deployed_with_and_required() -> None:
    action, document = ROOT / ".github/actions/program/install.sh", ROOT / "docs/deploy.md"
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
