"""The code of the release before this one, out of Git, to run on today's schema."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = "apps/storage/migrations/versions"


def check_out(folder: Path) -> str:
    """Write the previous release's `apps` into a folder and return its commit. Skips where Git cannot tell it.

    It is the newest tag of a release before this commit; where there is none, the newest commit before the newest
    migration.
    """
    commit = _commit()
    archive = subprocess.run(["git", "archive", commit, "apps"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return commit


def _commit() -> str:
    try:
        shallow = _git("rev-parse", "--is-shallow-repository")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the previous release is in Git, and this is no checkout: {error}")
    if shallow == "true":
        pytest.skip("the previous release is in Git's history, and this checkout is shallow: git fetch --unshallow")
    if _git("tag", "--list", "v*", "--merged", "HEAD^"):
        return _git("describe", "--tags", "--match", "v*", "--abbrev=0", "HEAD^")
    if _git("status", "--porcelain", "--", VERSIONS):
        return _git("rev-parse", "HEAD")
    newest = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", VERSIONS)
    return _git("rev-parse", f"{newest}^")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
