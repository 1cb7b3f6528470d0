"""Programs are taken from the machine, else from the cache."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from apps.domain.signing import SigningKeys
from devtools import node, tools
from devtools.errors import UnavailableError
from local.infrastructure import secrets


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has nothing, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(tools, "PROGRAMS", tmp_path / "cache")
    return tmp_path


def has(folder: Path, name: str, says: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho {says}\n")
    program.chmod(0o755)
    return program


def test_a_program_is_found_under_the_name_that_the_system_gives_it(machine: Path) -> None:
    assert tools.find(tools.ALERTMANAGER) is None
    program = has(machine / "bin", "prometheus-alertmanager")
    assert tools.find(tools.ALERTMANAGER) == program


def test_the_machine_comes_before_the_cache(machine: Path) -> None:
    cached = tools.launcher("prometheus", "true")
    assert tools.find(tools.PROMETHEUS) == cached
    own = has(machine / "bin", "prometheus")
    assert tools.find(tools.PROMETHEUS) == own


def test_a_copy_from_the_cache_is_no_use_where_a_file_of_its_installation_is_missing(machine: Path) -> None:
    needy = replace(tools.ALERTMANAGER, required_file=machine / "default.tmpl")
    cached = tools.launcher("prometheus-alertmanager", "true")
    assert tools.find(needy) is None
    with pytest.raises(UnavailableError, match="apt-get install prometheus-alertmanager"):
        tools.ensure([needy])
    (machine / "default.tmpl").touch()
    assert tools.ensure([needy]) == {needy: cached}


@pytest.mark.parametrize(
    ("version", "enough"), [("v20.19.0", True), ("v24.1.0", True), ("v18.20.4", False), ("", False)]
)
def test_node_must_be_new_enough(machine: Path, version: str, enough: bool) -> None:
    has(machine / "bin", "node", version)
    has(machine / "bin", "npm")
    assert (node.find() is not None) is enough


def test_node_without_npm_is_not_enough(machine: Path) -> None:
    has(machine / "bin", "node", "v24.0.0")
    assert node.find() is None


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = secrets.keep(tmp_path / "secrets" / "token", secrets.token)
    first = path.read_text()
    assert secrets.keep(path, secrets.token).read_text() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(first) >= 32


def test_generated_signing_keys_are_ones_that_the_services_read() -> None:
    document = secrets.signing_keys()
    assert SigningKeys.parse(document.encode()).current == json.loads(document)["current"]


def test_npm_finds_the_node_that_was_chosen(machine: Path) -> None:
    program = has(machine / "bin", "node", "v24.0.0")
    assert node.environment()["PATH"].split(os.pathsep)[0] == str(program.parent)
